"""Files of a release: release.py archive FILE BINARY ROOT, release.py manifest FOLDER VERSION COMMIT IMAGE."""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

REGISTRY_SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"


def archive(target, binary, root):
    """A .tar.gz with fixed times, owners and modes, so that equal content gives equal bytes."""
    folder = os.path.basename(target).removesuffix(".tar.gz")
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, name, mode in [
            (os.path.join(root, "LICENSE"), "LICENSE", 0o644),
            (os.path.join(root, "README.md"), "README.md", 0o644),
            (binary, "zava-mcp-server", 0o755),
        ]:
            with open(path, "rb") as file:
                content = file.read()
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    write(target, gzip.compress(data.getvalue(), mtime=0))


def manifest(folder, version, commit, image):
    with open(os.path.join(folder, "functions.zip"), "rb") as file:
        package = hashlib.sha256(file.read()).hexdigest()
    release = {"version": version, "commit": commit, "image": image, "package": f"sha256:{package}"}
    write(os.path.join(folder, "release.json"), (json.dumps(release, indent=2) + "\n").encode())
    write(os.path.join(folder, "server.json"), (json.dumps(server(version, image), indent=2) + "\n").encode())


def variable(name, description, secret=False, required=False):
    return {"name": name, "description": description, "isSecret": secret, "isRequired": required}


def server(version, image):
    """The entry of the MCP registry: the image, as a server on standard input and output.

    The registry compares the name with a label of the image, which scripts/build-image writes.
    """
    repository = image.split("@")[0]
    owner = repository.split("/")[-2] if repository.count("/") > 1 else "zava"
    return {
        "$schema": REGISTRY_SCHEMA,
        "name": f"io.github.{owner}/zava-mcp-server",
        "description": "Read-only SQL over a multi-tenant retail database; each caller sees its own stores only",
        "version": version,
        "packages": [
            {
                "registryType": "oci",
                "identifier": f"{repository}:{version}",
                "transport": {"type": "stdio"},
                "packageArguments": [{"type": "positional", "value": "serve"}, {"type": "named", "name": "--stdio"}],
                "environmentVariables": [
                    variable("POSTGRES_DB_HOST", "Host of PostgreSQL 16 or newer with pgvector 0.8 or newer", required=True),
                    variable("POSTGRES_PASSWORD", "Password of the query login", secret=True, required=True),
                    variable("ZAVA_SIGNING_KEY", "Key that signs the tenant", secret=True, required=True),
                    variable("ZAVA_TENANT", "Tenant whose rows are visible", required=True),
                ],
            }
        ],
    }


def write(path, content):
    with open(path + ".new", "wb") as file:
        file.write(content)
    os.replace(path + ".new", path)
    print(path)


if sys.argv[1] == "archive":
    archive(*sys.argv[2:])
else:
    manifest(*sys.argv[2:])

"""Unpacks parts of the one wheel in a folder: unpack_wheel.py tree|flat FOLDER TARGET PREFIXES

PREFIXES are separated by "|"; a member is unpacked when its path starts with one of them (for a path like
"x.data/platlib/y" or "x.data/scripts/y", where wheels keep compiled libraries and programs, "y"
counts). `tree` keeps the folders, `flat` puts the files side by side. Exec bits, which Python's
zipfile drops, are kept.
"""

import glob
import os
import re
import sys
import zipfile


def main(shape, folder, target, prefixes):
    (wheel,) = glob.glob(os.path.join(folder, "*.whl"))
    prefixes = tuple(prefixes.split("|"))
    unpacked = 0
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            name = re.split(r"\.data/(?:platlib|scripts)/", member.filename)[-1]
            if member.is_dir() or not name.startswith(prefixes):
                continue
            member.filename = name if shape == "tree" else os.path.basename(name)
            path = archive.extract(member, target)  # which leaves out ".." and absolute paths by itself
            os.chmod(path, 0o755 if member.external_attr >> 16 & 0o111 or "/bin/" in name else 0o644)
            unpacked += 1
    if not unpacked:
        sys.exit(f"{os.path.basename(wheel)} holds none of {prefixes}")
    for path, _, _ in os.walk(target):  # PostgreSQL may run as another user than the one who unpacks
        os.chmod(path, 0o755)


main(*sys.argv[1:])

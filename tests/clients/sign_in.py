"""OAuth for client.py: the SDK's own provider, for a client that is registered with the issuer.

The issuer signs the user in without a page. So the browser is one GET request, and the redirect URI, where a program of
the user would listen, is read from the `Location` header of its response.
"""

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken


class Memory:
    """The SDK's token storage: holds the client registration, and possibly a token of an earlier run."""

    def __init__(self, client: OAuthClientInformationFull, tokens: OAuthToken | None) -> None:
        self.client = client
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens


class Browser:
    """Opens the authorization URL, and keeps the redirect location of the response."""

    def __init__(self, redirect_uri: str) -> None:
        self.redirect_uri = redirect_uri
        self.location = httpx2.URL()

    async def open(self, url: str) -> None:
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.get(url)
        location = answer.headers.get("location", "")
        if not location.startswith(f"{self.redirect_uri}?"):
            raise RuntimeError(f"not signed in: {answer.status_code} {answer.text} {location}")
        self.location = httpx2.URL(location)

    async def result(self) -> AuthorizationCodeResult:
        return AuthorizationCodeResult.model_validate(dict(self.location.params))


def provider(server_url: str, client_id: str, redirect_uri: str, token: str | None) -> OAuthClientProvider:
    """Authenticates requests to the server. A `token` of unknown scopes is tried first."""
    client = OAuthClientInformationFull(client_id=client_id, token_endpoint_auth_method="none")
    tokens = OAuthToken(access_token=token) if token else None
    browser = Browser(redirect_uri)
    return OAuthClientProvider(
        server_url,
        OAuthClientMetadata.model_validate({"redirect_uris": [redirect_uri]}),
        Memory(client, tokens),
        browser.open,
        browser.result,
    )

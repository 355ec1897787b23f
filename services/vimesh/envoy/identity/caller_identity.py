"""Makes an identity, roles and projects of what a caller has proved: a token or, without one, a certificate.

Envoy has checked both before. This is Lua because nothing else in Envoy maps lists of claims or parts of names. If the
script fails, the request goes on without an identity, and is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from vimesh.envoy.fleet.front_security import FrontSecurity, TokenIssuer
from vimesh.envoy.identity.token_issuers import CLAIMS, TOKEN_FILTER
from vimesh.envoy.vocabulary.extensions import lua
from vimesh.rpc.caller_metadata import ALL_PROJECTS, IDENTITY, PROJECTS, ROLES
from vimesh.rpc.caller_roles import PEOPLE

_NAME: Final = "vimesh.caller_identity"

# A subject has at most 255 characters (OpenID Connect Core 1.0, section 2), as the id of a project has. A comma in a
# project's id would make two of it.
_SCRIPT: Final = """
local function of_certificate(connection)
  if connection == nil or not connection:peerCertificateValidated() then
    return
  end
  local names = connection:uriSanPeerCertificate()
  if names == nil or #names ~= 1 then
    return
  end
  local domain, part, name = names[1]:match("^spiffe://([a-z0-9._-]+)/([a-z]+)/([A-Za-z0-9._-]+)$")
  if domain == nil or not trust_domains[domain] then
    return
  end
  if part == "cli" then
    return names[1], people[name:match("^[^.]*")], all_projects
  end
  return names[1], parts[part], all_projects
end

local function values(claims, path)
  local value = claims
  for _, key in ipairs(path) do
    if type(value) ~= "table" then
      return {}
    end
    value = value[key]
  end
  if type(value) == "table" then
    return value
  end
  local list = {}
  if type(value) == "string" then
    for each in value:gmatch("[^%s,]+") do
      list[#list + 1] = each
    end
  end
  return list
end

local function of_token(claims)
  local issuer = issuers[claims.iss]
  local subject = claims.sub
  if issuer == nil or type(subject) ~= "string" or #subject > 255 or not subject:match("^[!-~]+$") then
    return
  end
  local granted, roles, projects = {}, {}, {}
  for _, value in ipairs(values(claims, issuer.roles_claim)) do
    local role = type(value) == "string" and issuer.grants[value]
    if role and not granted[role] then
      granted[role] = true
      roles[#roles + 1] = role
    end
  end
  if granted.admin then
    projects[1] = all_projects
  else
    for _, value in ipairs(values(claims, issuer.projects_claim)) do
      if type(value) == "string" and #value <= 255 and value:match("^[!-+.-~%-]+$") then
        projects[#projects + 1] = value
      end
    end
  end
  return claims.iss .. "#" .. subject, table.concat(roles, ","), table.concat(projects, ",")
end

function envoy_on_request(request)
  local info = request:streamInfo()
  local checked = next(issuers) and info:dynamicMetadata():get(token_filter)
  local identity, roles, projects
  if checked and checked[claims_key] ~= nil then
    identity, roles, projects = of_token(checked[claims_key])
  else
    identity, roles, projects = of_certificate(info:downstreamSslConnection())
  end
  if identity == nil then
    return
  end
  local headers = request:headers()
  headers:replace(identity_header, identity)
  if roles ~= nil and roles ~= "" then
    headers:replace(roles_header, roles)
    if projects ~= "" then
      headers:replace(projects_header, projects)
    end
  end
end
"""


def identity_filter(security: FrontSecurity) -> dict[str, object]:
    """Return the filter. It must come after that for tokens."""
    data = {
        "trust_domains": dict.fromkeys(security.trust_domains, True),
        "parts": {part: ",".join(sorted(roles)) for part, roles in security.parts.items()},
        "people": {str(role): str(role) for role in sorted(PEOPLE)},
        "issuers": {issuer.issuer: _issuer(issuer) for issuer in security.issuers},
        "token_filter": TOKEN_FILTER,
        "claims_key": CLAIMS,
        "identity_header": IDENTITY,
        "roles_header": ROLES,
        "projects_header": PROJECTS,
        "all_projects": ALL_PROJECTS,
    }
    return lua(_NAME, "".join(f"local {name} = {_literal(value)}\n" for name, value in data.items()) + _SCRIPT)


def _issuer(issuer: TokenIssuer) -> dict[str, object]:
    return {
        "roles_claim": list(issuer.roles_claim),
        "projects_claim": list(issuer.projects_claim),
        "grants": {value: str(role) for value, role in issuer.grants.items()},
    }


def _literal(value: object) -> str:
    """Return a value as Lua. Texts are printable ASCII, for which Lua and JSON have the same escapes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"[{_literal(key)}] = {_literal(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(map(_literal, value)) + "}"
    return json.dumps(value)

# shellcheck shell=bash
# The GitHub CLI (gh), for the scripts that use it. Source this after load.sh.

# github_check: checks that the GitHub CLI is installed.
github_check() {
  command -v gh >/dev/null 2>&1 || die "the GitHub CLI (gh) was not found." "Install it: https://cli.github.com"
}

# github_subject_prefix OWNER/NAME: prints the subject of the tokens that GitHub issues to the
# repository's jobs, up to `:environment:`. GitHub decides on its form: repositories that were
# created, renamed or transferred since 2026-07-15 have their ids in it (repo:OWNER@ID/NAME@ID).
github_subject_prefix() {
  local found=''
  if command -v gh >/dev/null 2>&1; then
    found=$(gh api "repos/$1/actions/oidc/customization/sub" --jq 'if .use_default then .sub_claim_prefix // "" else "custom" end') ||
      found=''
  fi
  case $found in
    repo:?*) printf '%s\n' "$found" ;;
    custom)
      die "the repository $1 has a subject claim of its own." \
        "Name what is before :environment: in it: --subject-prefix PREFIX" ;;
    *)
      note "GitHub did not say which subject the tokens of $1 have: repo:$1 is trusted. If the log-in of the workflow"
      note "fails with AADSTS700213, it prints the subject: run this again with --subject-prefix, without :environment:…"
      printf 'repo:%s\n' "$1" ;;
  esac
}

# subject_prefix_check PREFIX: checks the form of such a subject.
subject_prefix_check() {
  case $1 in
    *[!A-Za-z0-9_.:/@-]*|*:environment:*) ;;
    ?*:?*) return ;;
  esac
  usage_error "--subject-prefix needs what is before :environment: in the subject, such as repo:OWNER@ID/NAME@ID."
}

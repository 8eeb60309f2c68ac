#!/usr/bin/env bash
# For CI: builds the image and boots it when what it is made of has changed since docs/appliance-tests.md was written, and the machine has the
# programs for it. Otherwise it says that, and why, nothing was tested. HAUSBOTE_CI_APPLIANCE=1 asks for it in any case.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  printf '!!! THE IMAGE WAS NOT BUILT AND NOT BOOTED: %s\n' "$1"
  exit 0
}

# What decides over the image beside the server itself, whose bundle has tests of its own.
inputs=$(git ls-tree -r HEAD appliance scripts/bundle scripts/bundle.ts | grep -v '\.md$' | git hash-object --stdin)
if [ "${1:-}" = --print-inputs ]; then
  echo "$inputs"
  exit 0
fi
if [ "${HAUSBOTE_CI_APPLIANCE:-}" != 1 ]; then
  if grep -q "$inputs" docs/appliance-tests.md; then
    skip 'nothing has changed since the results in docs/appliance-tests.md (HAUSBOTE_CI_APPLIANCE=1 asks for it all the same).'
  fi
  missing=()
  for program in mmdebstrap qemu-system-x86_64 mcopy zstd xz unshare openssl; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  [ -e /usr/share/OVMF/OVMF_CODE_4M.fd ] || missing+=('ovmf')
  [ ${#missing[@]} = 0 ] || skip "it has changed, but this machine lacks: ${missing[*]}."
  [ "$(id -u)" = 0 ] || skip 'it has changed, but only root can build it.'
fi
npm run --silent appliance:test

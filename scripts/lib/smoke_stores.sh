# shellcheck shell=bash
# The stores that the smoke test calls for. Source this after load.sh.

# smoke_stores: prints the two stores, each as NAME=TENANT-ID: those in ZAVA_SMOKE_STORES, separated
# by a semicolon, or two of the sample data.
smoke_stores() {
  local id='????????-????-????-????-????????????'
  local stores=${ZAVA_SMOKE_STORES:-Zava Retail Seattle=f47ac10b-58cc-4372-a567-0e02b2c3d479;Zava Retail Redmond=e7f8a9b0-c1d2-3e4f-5678-90abcdef1234}
  # shellcheck disable=SC2254 # a pattern
  case $stores in
    *\;*\;*) ;;
    ?*=$id\;?*=$id) printf '%s\n' "${stores%%;*}" "${stores#*;}"; return ;;
  esac
  usage_error "ZAVA_SMOKE_STORES needs two stores: NAME=TENANT-ID;NAME=TENANT-ID."
}

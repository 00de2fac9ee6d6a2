# What deploy/run and deploy/test share: the machine's packages and toolchain. Sourced, never run.
#
# Installs a Debian package only if it is missing, as root or by sudo, and leaves no service behind:
# Debian's redis-server would start one on port 6379 and again at each boot.

# Headers and libraries to build with, and the programs that `tapedeck up` starts.
#   libwebsockets-evlib-uv is loaded at run time: without it libwebsockets has no libuv loop.
#   util-linux has setpriv and setsid, which hold the private servers.
packages_run=(libhiredis-dev libuv1-dev libwebsockets-dev libwebsockets-evlib-uv libssl-dev
  zlib1g-dev redis-server redis-tools util-linux)
# deploy/test: git for the test of the repository itself.
packages_test=(git procps)

fail() {
  printf '%s: %s\n' "${program:-deploy}" "$*" >&2
  exit 1
}

is_installed() {
  [[ "$(dpkg-query -W -f='${Status}' "$1" 2>/dev/null || true)" == 'install ok installed' ]]
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# install_packages NAME...: those of them that are missing.
install_packages() {
  local missing=() name
  command -v dpkg-query >/dev/null || fail "needs Debian 12: there is no dpkg-query here"
  for name in "$@"; do
    is_installed "$name" || missing+=("$name")
  done
  ((${#missing[@]})) || return 0
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    fail "as root, please: apt-get install ${missing[*]}"
  fi
  printf '%s: installing %s\n' "${program:-deploy}" "${missing[*]}" >&2
  # One shell as root, so that one trap takes the policy away whatever happens. Not -e: apt-get
  # update fails over a single unreachable list while the packages are still to be had.
  as_root bash -uc '
    policy=/usr/sbin/policy-rc.d
    mine=
    if [ ! -e "$policy" ]; then
      mine=1
      printf "#!/bin/sh\nexit 101\n" >"$policy"
      chmod 755 "$policy"
    fi
    trap "[ -z \"\$mine\" ] || rm -f \"$policy\"" EXIT
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q -o DPkg::Lock::Timeout=300 update
    apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
  ' bash "${missing[@]}" >&2 || fail "apt-get could not install: ${missing[*]}"
  # Newly installed: not to be started at the next boot either, by systemd or by init scripts.
  if [[ " ${missing[*]} " == *' redis-server '* ]]; then
    as_root deb-systemd-helper disable redis-server.service >/dev/null 2>&1 || true
    as_root update-rc.d redis-server disable >/dev/null 2>&1 || true
  fi
}

# Swift 6.2 or later, in PATH.
need_swift() {
  local version
  command -v swift >/dev/null || fail "needs Swift 6.2 or later in PATH (https://swift.org/install)"
  version="$(swift --version 2>&1 | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)"
  [[ -n "$version" ]] || fail "cannot tell the version of $(command -v swift)"
  if [[ "$(printf '%s\n6.2\n' "$version" | sort -V | head -n 1)" != 6.2 ]]; then
    fail "needs Swift 6.2 or later, found $version"
  fi
}

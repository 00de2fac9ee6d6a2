# What deploy/run and deploy/test share: the machine's packages and toolchain. Sourced, never run.
#
# Installs a Debian package only if it is missing, as root or by sudo, and leaves no service behind:
# Debian's redis-server would start one on port 6379 and again at each boot, and its postgresql-15
# would make a database cluster and start it.

# Headers and libraries to build with, and the programs that `tapedeck up` starts.
#   libwebsockets-evlib-uv is loaded at run time: without it libwebsockets has no libuv loop.
#   util-linux has setpriv and setsid, which hold the private servers.
#   postgresql-15 has the server, and psql to look inside.
packages_run=(libhiredis-dev libpq-dev libuv1-dev libwebsockets-dev libwebsockets-evlib-uv libssl-dev
  zlib1g-dev redis-server redis-tools postgresql-15 util-linux)
# deploy/test: git for the test of the repository itself, openssl for certificates of tests.
packages_test=(git openssl procps)

# How the executable is built that is used: without the checks of exclusive access to properties of
# classes, which are a quarter to a third of what a line of a feed costs. Debug builds have them, and
# those the unit tests run. Not in Package.swift: a package with flags of this kind cannot be
# depended on.
release=(--configuration release --product tapedeck -Xswiftc -enforce-exclusivity=unchecked)

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
    clusters=/etc/postgresql-common/createcluster.conf
    line="create_main_cluster = false # while a package is installed"
    trap "[ -z \"\$mine\" ] || rm -f \"$policy\"
      [ ! -e \"$clusters\" ] || sed -i \"/^\$line\$/d\" \"$clusters\"" EXIT
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q -o DPkg::Lock::Timeout=300 update
    install="apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends"
    case " $* " in *" postgresql-15 "*)
      # The server package makes a cluster unless this file says otherwise, and the file comes with
      # postgresql-common. The last word in it counts; it is taken back at the end.
      $install postgresql-common && printf "%s\n" "$line" >>"$clusters" || exit
    esac
    $install "$@"
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

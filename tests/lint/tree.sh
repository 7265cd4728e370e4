# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# What is in the tree, also where git itself will not say: unpacked from an archive, or a clone that belongs to somebody else.
# Sourced by the tests here, from the top of the tree; they end with tree_done.
command -v git >/dev/null || {
	echo "1..0 # SKIP git is missing: run 'make deps-test' as root"
	exit 77
}
tree_git=
tree_done() {
	[ -z "$tree_git" ] || rm -rf "$tree_git"
}
trap tree_done EXIT
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
if [ "$(git rev-parse --show-toplevel 2>/dev/null)" != "$(pwd -P)" ]; then
	tree_git=$(mktemp -d)
	export GIT_DIR="$tree_git" GIT_WORK_TREE="$PWD"
	git init -q && git add -A || exit 2
fi

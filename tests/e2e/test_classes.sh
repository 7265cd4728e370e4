#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Node classes by rule: node sets, groups of a real ClusterShell, a real genders file, Slurm's sinfo, a person's word. No root, no agent.
. "$(dirname "$0")/lib.sh"
mkdir -p "$D" "$T/clustershell/groups.d" "$T/bin"
S=sqlite:$D/store.db
"$BUILD/tests/helpers/fill_class" "$S" 12 2 || exit 1 # node001-012, all of which say they are "compute"
printf '[Main]\ndefault: local\nautodir: $CFGDIR/groups.d\n[local]\nmap: sed -n "s/^$GROUP:\\(.*\\)/\\1/p" $CFGDIR/groups.d/local.cfg\nlist: sed -n "s/^\\([0-9A-Za-z_-]*\\):.*/\\1/p" $CFGDIR/groups.d/local.cfg\n' >"$T/clustershell/groups.conf"
printf '# groups of this site\ngpu: node[005-008]\nbig: @gpu,node009\nodd: node[001-011/2] # every other\n' >"$T/clustershell/groups.d/local.cfg"
printf '# nodes\tattributes\nnode[001-004]\tcompute,cpus=64\nnode[005-008]\tcompute,gpu=a100,cpus=32\nnode009 login\nnode010,node011 storage\n' >"$T/genders"
# What sinfo prints: there is no Slurm in the distribution's tests. A partition it does not know gives nothing, and exit 0.
printf '#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = -p ] && p=$2; shift; done\ncase $p in batch) echo "node[001-006]";; debug) echo node012;; down) exit 1;; esac\n' >"$T/bin/sinfo"
chmod +x "$T/bin/sinfo"
export CLUSTERSHELL_CFGDIR=$T/clustershell
printf 'class.genders %s\nclass.slurm %s\n' "$T/genders" "$T/bin/sinfo" >"$T/conf"
class() { run node class "$@" --store "$S" -C "$T/conf"; }
classes() { ajar node -j --store "$S" | jq -r '"\(.node) \(.class)"' | while read -r n c; do echo "$c $n"; done | sort | awk '{ a[$1] = a[$1] (a[$1] == "" ? "" : ",") $2 } END { for (c in a) print c, a[c] }' | sort | while read -r c n; do echo "$c:$(nodeset -f "$n")"; done | tr '\n' ' '; }
command -v nodeset >/dev/null && command -v nodeattr >/dev/null || {
	echo "1..0 # SKIP nodeset or nodeattr is missing: apt-get install clustershell genders"
	exit 77
}

class
ok "without rules that is said" says "no rules: each node is of the class that it says itself"
class add @gpu gpu --reason 'the GPU nodes'
same "a rule with a ClusterShell group: exit 0" "$RC" 0
ok "nodes move at once" says "4 nodes moved to another class"
same "the group's" "$(classes)" "compute:node[001-004,009-012] gpu:node[005-008] "
same "as nodeset has it" "$(nodeset -f @gpu)" "$(ajar node class -j --store "$S" | jq -rs '.[0].resolved')"
class add '@genders:login' login
class add '@genders:storage,node012' storage
same "genders" "$(classes)" "compute:node[001-004] gpu:node[005-008] login:node009 storage:node[010-012] "
same "as nodeattr has it" "$(nodeset -f "$(nodeattr -f "$T/genders" -c storage),node012")" "$(ajar node class -j --store "$S" | jq -rs '.[2].resolved')"
class add '@genders:gpu=a100&@slurm:batch' a100 --priority 50
ok "the smaller priority decides" grep -q . <(classes | grep 'a100:node\[005-006\] .*gpu:node\[007-008\]')
class test node005
same "which rule decides" "$OUT" "node005: class a100, by rule 4 (priority 50)
  rule 1 (priority 100) names it too: gpu"
class test node001
same "a node that no rule names" "$OUT" "node001: class compute, as it says itself; no rule names it"
class add '@big!@gpu' rest --priority 40
ok "groups of groups and set operations" grep -q . <(classes | grep 'rest:node009')
class set node[005,001] special --reason 'on loan'
ok "a person's word comes first" grep -q . <(classes | grep 'special:node\[001,005\]')
class set node005 other
ok "a later word takes the place of the earlier" grep -q . <(classes | grep 'other:node005 .*special:node001')
class sync
same "a sync changes none of it: exit 0" "$RC" 0
ok "nobody moved" not says moved
class auto node[001,005]
ok "the word is taken back" grep -q . <(classes | grep 'a100:node\[005-006\] compute:node\[001-004\]')
printf 'gpu: node[007-008]\nbig: @gpu,node009\n' >"$T/clustershell/groups.d/local.cfg"
class sync
ok "a group that has changed moves its nodes" grep -q . <(classes | grep 'gpu:node\[007-008\]')
rm "$T/clustershell/groups.d/local.cfg"
class sync
same "a group that cannot be looked up: exit 1" "$RC" 1
ok "is said" says "its nodes stay those of the last time"
ok "and moves nobody" grep -q . <(classes | grep 'gpu:node\[007-008\]')
ok "the list has the problem" jq -es 'any(.[]; .nodes == "@gpu" and .problem != null and .resolved == "node[007-008]")' <(ajar node class -j --store "$S")
class rm 1
ok "without its rule a node is what another or itself says" grep -q . <(classes | grep 'compute:node\[001-004,007-008\]')
class add '@slurm:none' x
refuses "a partition that is not there" 2 "Slurm has no partition 'none'"
class add '@slurm:down' x
refuses "a sinfo that fails" 2 "exited with status 1"
class add 'node[1-' x
refuses "a bad node set" 2 "node set 'node[1-': a number is missing in the brackets"
class add '@genders:nope' x
refuses "an attribute that no node has" 2 "no node has the attribute 'nope'"
class ad node1 x
refuses "a word nobody knows" 2 "did you mean 'add'"
run node 'node[001-003]' -j --store "$S"
ok "node takes a node set" jq -es 'map(.node) == ["node001","node002","node003"]' "$T/out"
printf 'gpu: node[001-002]\n' >"$T/clustershell/groups.d/more.cfg"
printf 'class.groups %s\n' "$T/clustershell/groups.d" >>"$T/conf"
class add @gpu folder --priority 1
ok "groups are read from a folder as well, without nodeset" grep -q . <(classes | grep 'folder:node\[001-002\]')

# --- at the border to Slurm; rules for nobody ----------------------------------------------------------------
class add 'node[1-3],' slurm --priority 90
same "a trailing comma is Slurm's: exit 0" "$RC" 0
ok "nodes that never reported are said" says "node[1-3],: none of its nodes has ever reported; 'ajar node' lists those that have"
class add 'node[008-0010]' padded --priority 200
same "as is a range with ends of other widths: exit 0" "$RC" 0
ok "with the width of the first" jq -es 'any(.[]; .class == "padded" and .resolved == "node[008-010]" and .nodes_reported == 3)' <(ajar node class -j --store "$S")
ok "nothing is said of nodes that have reported" not says "has ever reported"
for t in 'node*' 'n?de001' '(null)' 'node{001-002}' 'None assigned'; do
	class add "$t" x
	refuses "'$t' is no name" 2 "node set '$t': "
done
run node class --store "$S"
ok "the list notes it" grep -q 'slurm.*none of its nodes has ever' <(tr '\n' ' ' <"$T/out" | tr -s ' ')
run profile check --store "$S"
ok "a check of the profiles says it" grep -q "^slurm: rule [0-9]* of 'ajar node class': node\[1-3\],: none of its nodes has ever reported" "$T/out"
same "and has found something: exit 1" "$RC" 1
printf 'class c nodes node[101-102]\nallow tcp 22\nclass d nodes node[001-002]\nallow tcp 22\n' >"$T/check"
run profile check "$T/check" --store "$S"
same "so does one of a file" "$OUT" "$T/check:1:1: warning: node[101-102]: none of its nodes has ever reported"
run doctor -j --store "$S" --data "$D"
ok "the doctor notes it" jq -es 'any(.[]; .check == "class rules" and .ok == null and (.detail | contains("names only nodes that have never reported")))' "$T/out"
run maintenance add 'node[101-102]' --for 1h --reason x --store "$S"
ok "a maintenance for nobody is said" says "none of its nodes has ever reported"
ajar node class -j --store "$S" 2>/dev/null | jq -r 'select(.class == "slurm" or .class == "padded").id' | while read -r id; do ajar node class rm "$id" --store "$S" 2>/dev/null; done

# --- membership from a profile's file, and everywhere else -------------------------------------------------
printf 'class filed nodes node[003-004]\nallow tcp 22\n' >"$T/p"
run profile import "$T/p" --store "$S"
class sync
ok "a profile's class line is a rule" grep -q . <(classes | grep 'filed:node\[003-004\]')
run ls -j 'node:node[001-002]' --store "$S"
ok "filters take node sets" jq -es 'length > 2 and all(.[]; .node == "node001" or .node == "node002")' "$T/out"
run ls 'node:node[2-1]' --store "$S"
refuses "a bad one is refused" 2 "the range is backwards"

# --- racks ------------------------------------------------------------------------------------------------
run ls rack:r01 --store "$S" -C "$T/conf"
refuses "without a file of racks there are none" 2 "web.racks in the configuration"
run node node001 --store "$S" -C "$T/conf"
ok "nor does a node have one" not grep -q '^rack' "$T/out"
printf 'web.racks %s\n' "$T/racks" >>"$T/conf"
run ls rack:r01 --store "$S" -C "$T/conf"
refuses "a file that is not there is said" 2 "cannot read web.racks"
printf 'r01 node[001-003]\nr02 node[004-006]\n' >"$T/racks"
run ls -j rack:r01 --store "$S" -C "$T/conf"
ok "filters take racks" jq -es 'length > 2 and (map(.node) | unique == ["node001", "node002", "node003"])' "$T/out"
run timeline -j rack:r02 node:node004 --store "$S" -C "$T/conf"
ok "with other words" jq -es 'length > 0 and all(.[]; .node == "node004")' "$T/out"
run ls rack:r03 --store "$S" -C "$T/conf"
refuses "a rack that is not there is said" 2 "no such rack"
run node 'node[003-007]' -j --store "$S" -C "$T/conf"
same "a node has its rack" "$(jq -rs 'map(.rack) | tostring' "$T/out")" '["r01","r02","r02","r02",null]'
run node node001 --store "$S" -C "$T/conf"
ok "for people too" grep -q '^rack *r01$' "$T/out"
run node --store "$S" -C "$T/conf"
ok "and in the list" grep -q '^node004 .* r02 ' "$T/out"
class add @rack:r02 second --priority 1
ok "a rule for a class takes a rack" grep -q . <(classes | grep 'second:node\[004-006\]')
class add @rack:r03 third
refuses "but none that is not there" 2 "no rack 'r03'"
done_testing

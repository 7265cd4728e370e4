#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# SQL and client library calls are what MySQL 8 and MariaDB 10.11 both have (and a Galera cluster means, too). A rule has what must not
# appear, why, and an example, which the rule must catch: a rule that catches nothing is none.
cd "$(dirname "$0")/../.." || exit 2
. tests/lint/tree.sh
n=0 bad=0
T=$(mktemp -d)
trap 'rm -rf "$T"; tree_done' EXIT

# --- rules: extended regular expression | why | example --------------------------------------------------
sql_rules=$(
	cat <<'END'
\breturning\b|MariaDB only|DELETE FROM t WHERE a = 1 RETURNING b
\b(column|index|key)\b[^,;(]*\bif (not )?exists\b|MariaDB only|ALTER TABLE t ADD COLUMN IF NOT EXISTS c INT
\b(add|drop|modify|change) if (not )?exists\b|MariaDB only|ALTER TABLE t ADD IF NOT EXISTS c INT
create or replace (temporary )?(table|procedure|function|trigger|user|role|event|database|server)|MariaDB only|CREATE OR REPLACE TABLE t (a INT)
^[ (]*[a-z_]+ +(uuid|inet4|inet6)\b|a type of MariaDB only| addr INET6 NOT NULL
, *[a-z_]+ +(uuid|inet4|inet6)\b|a type of MariaDB only|CREATE TABLE t (a INT, addr INET6)
\b(create|alter|drop) sequence\b|MariaDB only|CREATE SEQUENCE s
\b(nextval|lastval|setval) *\(|MariaDB only|SELECT nextval(s)
\bset statement\b|MariaDB only|SET STATEMENT max_statement_time = 1 FOR SELECT 1
\bmax_statement_time\b|MariaDB only|SET SESSION max_statement_time = 1
\bignored\b|an index of MariaDB only|ALTER TABLE t ALTER INDEX i IGNORED
\bno_auto_create_user\b|MariaDB only|SET sql_mode = 'NO_AUTO_CREATE_USER'
utf8mb4_uca1400|a collation of MariaDB only|COLLATE utf8mb4_uca1400_ai_ci
\bsystem versioning\b|MariaDB only|CREATE TABLE t (a INT) WITH SYSTEM VERSIONING
\brows examined\b|MariaDB only|SELECT 1 LIMIT ROWS EXAMINED 5
\bexecute immediate\b|MariaDB only|EXECUTE IMMEDIATE 'SELECT 1'
\bkill (hard|soft)\b|MariaDB only|KILL HARD 5
\b(page_compressed|engine *= *aria)\b|MariaDB only|CREATE TABLE t (a INT) ENGINE=Aria
\bunix_timestamp *\([^)]*timestamp *\(6\)|not for a partition on MySQL (1491)|UNIX_TIMESTAMP(CAST(a AS TIMESTAMP(6)))
\)[ ]*as new\b|MySQL only|INSERT INTO t VALUES (1) AS new ON DUPLICATE KEY UPDATE a = new.a
on duplicate key update.*\bvalues *\(|MySQL gives it up|INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)
->|MySQL only|SELECT doc->'$.a' FROM t
\b(stored|virtual) +not null\b|MySQL only|c INT AS (a + 1) STORED NOT NULL
\b(key|index)\b[ a-z_]*\( *\(|a functional index, MySQL only|KEY k ((lower(a)))
\binvisible\b|an index of MySQL only|ALTER TABLE t ALTER INDEX i INVISIBLE
\blateral\b|MySQL only|SELECT * FROM a, LATERAL (SELECT 1) b
\b(uuid_to_bin|bin_to_uuid|any_value|regexp_like|is_uuid|grouping) *\(|MySQL only|SELECT uuid_to_bin(a)
\bmember of *\(|MySQL only|SELECT 1 MEMBER OF('[1]')
\bset persist\b|MySQL only|SET PERSIST max_connections = 5
\bset *(session|global)? *max_execution_time\b|MySQL only|SET SESSION max_execution_time = 5
\bvalues +row *\(|MySQL only|VALUES ROW(1, 2)
utf8mb4_0900|a collation of MySQL only|COLLATE utf8mb4_0900_ai_ci
\bfailed_login_attempts\b|MySQL only|CREATE USER a FAILED_LOGIN_ATTEMPTS 3
\bidentified (with|via)\b|each server has plugins of its own|CREATE USER a IDENTIFIED WITH caching_sha2_password
\bset default role\b|the two spell it differently|SET DEFAULT ROLE r TO a
\b(get_lock|release_lock|is_free_lock) *\(|local to one node of a cluster: use a lease row|SELECT GET_LOCK('a', 1)
\block tables\b|local to one node of a cluster|LOCK TABLES t WRITE
\binsert ignore\b.*\bselect\b|coerces what does not fit without a word|INSERT IGNORE INTO t SELECT a FROM u
\bload data\b|not enabled: it lets a server read our files|LOAD DATA LOCAL INFILE 'a' INTO TABLE t
\b(engine *= *myisam)\b|not replicated|CREATE TABLE t (a INT) ENGINE=MyISAM
[ (,`](rank|groups|system|window|function|manual|parallel|qualify|offset|row_number)`? +(int|bigint|smallint|tinyint|varchar|text|char|binary|varbinary|blob|datetime|timestamp|double)\b|a column name that one of the servers reserves|CREATE TABLE t (rank INT)
\bas +(rank|groups|system|window|function|manual|parallel|qualify|offset|row_number)\b|a name that one of the servers reserves|SELECT 1 AS rank
END
)
# As above: the last two "|" separate, those before belong to the expression.
c_rules=$(
	cat <<'END'
\bmy_bool\b|MariaDB's only: my_flag|my_bool yes = 1;
\bMYSQL_OPT_(SSL_ENFORCE|SSL_VERIFY_SERVER_CERT|NONBLOCK)\b|MariaDB's only|mysql_options(db, MYSQL_OPT_NONBLOCK, 0);
\bSTMT_ATTR_(ARRAY_SIZE|ROW_SIZE|CB_PARAM|CB_RESULT|PREBIND_PARAMS)\b|MariaDB's only|mysql_stmt_attr_set(st, STMT_ATTR_ARRAY_SIZE, &n);
\b(mariadb_[a-z_]+|mysql_[a-z_]+_(start|cont)|mysql_get_(infov|timeout_value|socket)|mysql_optionsv)[ ]*\(|MariaDB's only|mysql_real_query_start(&ret, db, sql, n);
\bMARIADB_(OPT|TLS|CONNECTION)_[A-Z_]+\b|MariaDB's only|mysql_options(db, MARIADB_OPT_HOST, h);
\b(MYSQL_OPT_SSL_MODE|SSL_MODE_[A-Z_]+)\b|MySQL's only|mysql_options(db, MYSQL_OPT_SSL_MODE, &mode);
\bMYSQL_OPT_(GET_SERVER_PUBLIC_KEY|LOAD_DATA_LOCAL_DIR|COMPRESSION_ALGORITHMS|ZSTD_COMPRESSION_LEVEL|USER_PASSWORD|SSL_SESSION_DATA)\b|MySQL's only|mysql_options(db, MYSQL_OPT_LOAD_DATA_LOCAL_DIR, d);
\bmysql_[a-z_]+_nonblocking[ ]*\(|MySQL's only|mysql_real_query_nonblocking(db, sql, n);
\b(mysql_real_escape_string_quote|mysql_stmt_bind_named_param|mysql_bind_param|mysql_result_metadata|mysql_reset_server_public_key)[ ]*\(|MySQL's only|mysql_bind_param(db, n, b, names);
\bMYSQL_OPT_RECONNECT\b|hides a lost transaction|mysql_options(db, MYSQL_OPT_RECONNECT, &yes);
END
)

# --- one statement a line ---------------------------------------------------------------------------
# Comments of SQL go; optimizer hints, which MariaDB takes for comments, too.
statements_of_sql() { sed 's/--.*//; s|/\*+[^*]*\*/||g' "$1" | tr '\n\t' '  ' | sed 's/;/;\n/g'; }
# The strings of C, those that stand side by side joined.
strings_of_c() {
	sed 's|/\*.*\*/||; s|^[[:space:]]*/\?\*.*||; s|PRI[a-z0-9]*||g' "$1" | tr '\n\t' '  ' | sed 's/" *"//g' | grep -oE '"([^"\\]|\\.)*"' | tr -d '"'
}
# What no #if surrounds, without comments.
code_of_c() {
	awk '/^#[ ]*if(def|ndef)? / && !/_H$/ { depth++ } !depth { print } /^#[ ]*endif/ && depth { depth-- }' "$1" |
		sed 's|/\*.*\*/||; s|^[[:space:]]*/\?\*.*||'
}

# file of "where: statement" lines, rules; -i or nothing
offenders() {
	while IFS= read -r rule; do
		rest=${rule%|*}
		grep -E"$3" -- "${rest%|*}" "$1" | sed "s/^/${rest##*|}: /" | cut -c1-200
	done <<<"$2"
}
toothless() { # rules, -i or nothing
	while IFS= read -r rule; do
		rest=${rule%|*}
		grep -qE"$2" -- "${rest%|*}" <<<"${rule##*|}" || echo "${rest%|*} does not catch: ${rule##*|}"
	done <<<"$1"
}
check() { # sentence, offenders
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | head -20 | sed 's/^/# /'
		bad=1
	fi
}

git ls-files 'sql/store/mysql/*.sql' | while read -r f; do statements_of_sql "$f" | sed "s|^|${f##*/}: |"; done >"$T/sql"
git ls-files 'user/store/*.c' 'user/store/*.h' ':!user/store/sqlite*' | while read -r f; do strings_of_c "$f" | sed "s|^|${f##*/}: |"; done |
	grep -iE ': *(select|insert|update|delete|create|alter|drop|set|show|call|grant|revoke|lock|truncate|with|replace|start|savepoint|kill)\b' >"$T/strings"
git ls-files 'user/store/mysql*.c' 'user/store/mysql*.h' | while read -r f; do code_of_c "$f" | sed "s|^|${f##*/}: |"; done >"$T/code"

check "each rule about SQL catches its example" "$(toothless "$sql_rules" i)"
check "each rule about the client library catches its example" "$(toothless "$c_rules" '')"
ok_count() { [ "$(wc -l <"$1")" -ge "$2" ] || echo "$1: only $(wc -l <"$1") lines were found"; }
check "statements were found to look at" "$(ok_count "$T/sql" 30; ok_count "$T/strings" 60; ok_count "$T/code" 1000)"
# A migration may run twice, and what it copies has been through the same types before.
check "the migrations speak what both servers speak" "$(offenders "$T/sql" "$(grep -v '^.binsert ignore' <<<"$sql_rules")" i)"
check "so do the statements of the store" "$(offenders "$T/strings" "$sql_rules" i)"
check "the driver calls what both client libraries have, but for what stands behind #if" "$(offenders "$T/code" "$c_rules" '')"
check "every table names its engine, character set and key" "$(
	grep -iE ': *create table' "$T/sql" | grep -ivE 'engine=innodb default character set utf8mb4 collate utf8mb4_bin|primary key.*engine=innodb' | cut -c1-100
	grep -iE ': *create table' "$T/sql" | grep -iv 'primary key' | cut -c1-100
)"
check "nothing takes a number of AUTO_INCREMENT for a place in an order of events" "$(grep -iE 'events .*auto_increment' "$T/sql" | cut -c1-100)"
echo "1..$n"
exit $bad

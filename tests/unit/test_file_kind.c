/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/file_kind.h"

#include <string.h>

#include "base/err.h"
#include "tap.h"

#define HEAD(text) text, sizeof(text) - 1

static void kinds(void)
{
	static const struct {
		const char *head;
		size_t n;
		const char *what; /* NULL: may be nmap's XML */
	} cases[] = {
		{ HEAD("<?xml version=\"1.0\"?>\n<!DOCTYPE nmaprun>\n<!-- x --><nmaprun a=\"1\">"),
		  NULL },
		{ HEAD("\xef\xbb\xbf<nmaprun>"), NULL },
		{ HEAD("<?xml version=\"1.0\"?><!-- a comment that goes on"), NULL },
		{ HEAD("<!DOCTYPE nmaprun [<!ENTITY a \"b\">]><html>"), NULL },
		{ HEAD(""), "is empty" },
		{ HEAD(" \n\t\n"), "is empty" },
		{ HEAD("# Nmap 7.93 scan initiated x as: nmap -oN n 127.0.0.1\nNmap scan report"),
		  "is nmap's normal output (-oN)" },
		{ HEAD("# Nmap 7.93 scan initiated x as: nmap -oN n -oG g 127.0.0.1\nNmap scan "
		       "report for "),
		  "is nmap's normal output (-oN)" },
		{ HEAD("Starting Nmap 7.93 ( https://nmap.org )"),
		  "is nmap's normal output (-oN)" },
		{ HEAD("\nStarting nmap 3.81 ( http://www.insecure.org/nmap/ )"),
		  "is nmap's normal output (-oN)" },
		{ HEAD("$taRTIng nmap 7.93 ( https://nmap.ORg )"),
		  "is nmap's s|<rIpt kIddi3 output (-oS)" },
		{ HEAD("sT4rt!ng NmaP 7.93 ( "), "is nmap's s|<rIpt kIddi3 output (-oS)" },
		{ HEAD("Starting Nmap 7.93 ( https://nmap.org ) at 2026-11-30 20:10 UTC\n"
		       "NMap $CaN r3P0rt for 127.0.0.1\nh0$t 1z up"),
		  "is nmap's s|<rIpt kIddi3 output (-oS)" },
		{ HEAD("Starting Nmap 7.93 ( https://nmap.org ) at 2026-11-30 20:10 UTC\n"
		       "Nmap scan report for 127.0.0.1\nHost is up"),
		  "is nmap's normal output (-oN)" },
		{ HEAD("# Nmap 7.93 scan initiated x as: nmap -oN n 127.0.0.1\nHost: 127.0.0.1 "
		       "()\tStatus: Up\n"),
		  "is grepable output (-oG)" },
		{ HEAD("# Nmap 7.93 scan initiated x as: nmap -oG g 127.0.0.1\n"),
		  "is grepable output (-oG)" },
		{ HEAD("# Masscan 1.3.2 scan initiated x\nTimestamp: 1\tHost: 127.0.0.1 ()\tPorts: "
		       "22/open/tcp//ssh//\n"),
		  "is grepable output (-oG)" },
		{ HEAD("#masscan\nopen tcp 22 127.0.0.1 1\n"), "is masscan's list (-oL)" },
		{ HEAD("[\n{   \"ip\": \"127.0.0.1\", \"ports\": [ {\"port\": 22} ] }"),
		  "is masscan's JSON (-oJ)" },
		{ HEAD("{\"host\":\"a\",\"ip\":\"127.0.0.1\",\"port\":22}\n"), "is JSON" },
		{ HEAD("masscan/1.1\0\0\0"), "is masscan's binary output (-oB)" },
		{ HEAD("\x1f\x8b\x08\0\0"), "is compressed with gzip" },
		{ HEAD("BZh91AY"), "is compressed with bzip2" },
		{ HEAD("\xfd"
		       "7zXZ\0"),
		  "is compressed with xz" },
		{ HEAD("\x28\xb5\x2f\xfd\x04"), "is compressed with zstd" },
		{ HEAD("PK\x03\x04\x14"), "is a ZIP archive" },
		{ HEAD("\xff\xfe<\0?\0"), "is in UTF-16" },
		{ HEAD("\xfe\xff\0<"), "is in UTF-16" },
		{ HEAD("<\0n\0m\0"), "is in UTF-16" },
		{ HEAD("<!DOCTYPE html>\n<html>"),
		  "is an HTML page, as nmap's XML makes with its style sheet" },
		{ HEAD("<HTML><head>"),
		  "is an HTML page, as nmap's XML makes with its style sheet" },
		{ HEAD("<?xml version=\"1.0\"?>\n<!-- ==== -->\n<xsl:stylesheet version=\"1.0\">"),
		  "is a style sheet (XSL)" },
		{ HEAD("<?xml version=\"1.0\"?><nmapdiff version=\"1\">"), "is ndiff's XML" },
		{ HEAD("<NessusClientData_v2>"), "is a report of Nessus" },
		{ HEAD("<nmaprunner/>"),
		  "is XML, but not nmap's: its first element is no 'nmaprun'" },
		{ HEAD("Open 127.0.0.1:22\n"), "is text, but not XML" },
		{ HEAD("n\xf6 \x1b[1mtext\x1b[m\r\n"), "is text, but not XML" },
		{ HEAD("\x9c\x01\xf3 noise without a zero"), "is binary data" },
		{ HEAD("Warning: n1 resolves to 2 IPs\n<?xml version=\"1.0\"?>\n<nmaprun>"),
		  "has other text before its XML (what nmap or a shell said?)" },
		{ HEAD("$ cat scan\n<nmaprun start=\"1\">"),
		  "has other text before its XML (what nmap or a shell said?)" },
		{ HEAD("\x7f"
		       "ELF\0\0\0"),
		  "is binary data" },
	};

	for (size_t i = 0; i < array_len(cases); i++) {
		const struct file_kind *k = file_kind(cases[i].head, cases[i].n);

		is_str(k ? k->what : "XML", cases[i].what ? cases[i].what : "XML",
		       "case %zu: it %s", i, cases[i].what ? cases[i].what : "may be nmap's XML");
		if (k)
			ok(*k->remedy, "and there is something to do about it");
	}
}

/* Every beginning of a text is one, too. */
static void short_heads(void)
{
	static const char text[] =
		"<?xml version=\"1.0\"?><!-- c --><!DOCTYPE nmaprun><nmaprun a=''>";
	unsigned wrong = 0;

	for (size_t n = 1; n < sizeof(text); n++) {
		char *head = malloc(n); /* no byte more, for the sanitizers to see */

		memcpy(head, text, n);
		wrong += file_kind(head, n) != NULL;
		free(head);
	}
	is_int(wrong, 0, "no beginning of nmap's XML is taken for something else");
}

int main(void)
{
	kinds();
	short_heads();
	return tap_done();
}

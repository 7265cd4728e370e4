/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/crosscheck_words.h"

#include <errno.h>
#include <inttypes.h>

#include "audit/match.h"
#include "audit/service.h"

#define HINTS_UNTIL 1500 /* bytes of text */

void crosscheck_words_done(struct crosscheck_words_buf *b)
{
	buf_done(&b->summary);
	buf_done(&b->why);
	buf_done(&b->remedy);
}

static void put_service(struct buf *b, const struct port_seen *p)
{
	if (!p || !p->service.name.len) {
		buf_puts(b, "something");
		return;
	}
	esc_text(b, p->service.name.ptr, p->service.name.len, 80);
	if (p->service.product.len) {
		buf_puts(b, " (");
		esc_text(b, p->service.product.ptr, p->service.product.len, 80);
		buf_putc(b, ' ');
		esc_text(b, p->service.version.ptr ? p->service.version.ptr : "",
			 p->service.version.len, 60);
		buf_putc(b, ')');
	}
}

static void put_program(struct buf *b, const struct compare_door *d)
{
	struct text exe = d && d->opener ? exe_path(d->opener) : (struct text){ 0 };

	if (exe.ptr)
		esc_text(b, exe.ptr, exe.len, 200);
	else
		buf_puts(b, "a program that is not known");
}

/* The node's word: root there can make such a rule, and can also make the agent tell of one. */
static void put_redirect(struct buf *b, const struct compared *c)
{
	buf_puts(b, redirect_names_port(&c->redirect)
			    ? "; no door answers there: the node says it is "
			      "redirected, by "
			    : "; no door answers there: the node says it "
			      "may be redirected, by ");
	redirect_format(b, &c->redirect);
	if (!c->behind)
		return;
	buf_puts(b, ", which may be the door ");
	door_endpoint_format(b, c->behind->door);
	buf_printf(b, " in network namespace %" PRIu32 ", held by ", c->behind->door->netns);
	put_program(b, c->behind);
}

/* A hint explains nothing, and is named: "?" and "!" lines. */
static void put_hints(struct buf *b, struct text list)
{
	struct text line;

	while (redirect_next(&list, &line)) {
		if (line.len < 3 || (*line.ptr != '?' && *line.ptr != '!'))
			continue;
		buf_puts(b, "; ");
		redirect_format_line(b, line);
		if (b->len > HINTS_UNTIL)
			return;
	}
}

/* Of any node: which ones is put behind it. */
static void summary(const struct compared *c, const struct compare_in *in, const char *host_type,
		    struct buf *b)
{
	switch (c->ruling.kind) {
	case FINDING_HIDDEN:
		buf_printf(b, "port %u answers, and the kernel shows no such door,", in->port);
		break;
	case FINDING_MASQUERADE:
		buf_puts(b, c->exe_contradicts ? "what listens" : "another service answers");
		buf_printf(b, " on port %u of class %s", in->port, host_type);
		if (c->exe_contradicts)
			buf_puts(b, " is not what its banner says");
		break;
	case FINDING_BLOCKED:
		buf_printf(b, "port %u of class %s is open and not reachable from the monitor",
			   in->port, host_type);
		break;
	default:
		buf_printf(b, "port %u of class %s is open and not in the profile; %s", in->port,
			   host_type,
			   c->redirected ? "it is redirected past the doors,"
					 : "seen from outside only");
		break;
	}
}

static void why(const struct compared *c, const struct compare_in *in, const char *node,
		const char *addr, struct buf *b)
{
	buf_printf(b, "nmap sees %s port %u of %s at %s as %s", door_proto_name(in->proto),
		   in->port, node, addr, port_state_name(in->state));
	if (in->seen && in->state == PORT_OPEN && in->seen->service.method == METHOD_PROBED) {
		buf_puts(b, ", where ");
		put_service(b, in->seen);
		buf_puts(b, " answers");
	}
	switch (c->ruling.kind) {
	case FINDING_HIDDEN:
		buf_printf(b,
			   "; the agent recorded all that time and has %s, at two scans. That is a "
			   "forwarding rule (nft DNAT or redirect, "
			   "TPROXY, IPVS, sk_lookup), a door in another network namespace, another "
			   "host at that address, or a hidden socket",
			   c->witness.inside == INSIDE_LOOPBACK ? "a door there on loopback only"
								: "no door there");
		put_hints(b, in->redirects);
		if (in->seen && in->seen->reason_ttl && in->seen->reason_ttl != 64 &&
		    in->seen->reason_ttl != 128 && in->seen->reason_ttl != 255)
			buf_printf(b, "; the answer's TTL of %u says that another host gave it",
				   in->seen->reason_ttl);
		break;
	case FINDING_MASQUERADE:
		buf_puts(b, "; it is held by ");
		put_program(b, c->door);
		if (c->fit == SERVICE_OTHER_KEY)
			buf_puts(b, ", with another key than the profile pins");
		else if (c->fit == SERVICE_OTHER && c->row && audit_service_known(c->row))
			buf_printf(b, ", and the profile says '%s'", c->row->service);
		break;
	case FINDING_BLOCKED:
		buf_puts(b, "; the kernel shows it open, held by ");
		put_program(b, c->door);
		buf_puts(b, ": a firewall, or a listener whose queue is full");
		break;
	default:
		if (c->redirected)
			put_redirect(b, c);
		else if (!in->has_agent)
			buf_puts(b, "; no agent was ever heard from this node");
		else if (c->elsewhere)
			buf_puts(b, "; its kernel shows that port in another network namespace or "
				    "on another address only");
		else if (in->doors_cut)
			buf_printf(
				b,
				"; its kernel shows more doors than the %zu that are compared, and "
				"none of those is there",
				in->doors_len);
		else
			buf_puts(b, "; what its agent saw at that time is not known");
		break;
	}
}

static void remedy(const struct compared *c, const struct compare_in *in, const char *node,
		   const char *host_type, struct buf *b)
{
	switch (c->ruling.kind) {
	case FINDING_HIDDEN:
		buf_printf(b,
			   "on %s: 'nft list ruleset', 'ipvsadm -L', 'bpftool net', 'ip netns' for "
			   "a rule that forwards port %u; if there is "
			   "none, take the node off the network and examine it from a clean system",
			   node, in->port);
		break;
	case FINDING_MASQUERADE:
		buf_printf(b,
			   "look at the program on %s ('ajar node %s'); a service that was "
			   "replaced on purpose is named anew in the profile: 'ajar profile export "
			   "%s > FILE', then 'ajar profile import FILE'",
			   node, node, host_type);
		break;
	case FINDING_BLOCKED:
		buf_printf(b,
			   "on %s: 'ss -ltn sport = :%u' (Recv-Q at its limit: the service hangs), "
			   "then the firewall between it and the monitor",
			   node, in->port);
		break;
	default:
		if (c->redirected)
			buf_printf(b,
				   "on %s: look at that rule ('nft list ruleset'), and at who made "
				   "it",
				   node);
		else
			buf_printf(b, "%s %s",
				   in->has_agent ? "run 'ajar doctor' and 'ss -ltnp' on"
						 : "install ajar-agent on",
				   node);
		buf_printf(b, "; or permit the port: 'ajar profile allow %s %s %u'", host_type,
			   door_proto_name(in->proto), in->port);
		break;
	}
}

int crosscheck_words(const struct compared *c, const struct compare_in *in,
		     const struct crosscheck_where *at, struct crosscheck_words_buf *b)
{
	summary(c, in, at->host_type, &b->summary);
	why(c, in, at->node, at->addr, &b->why);
	remedy(c, in, at->node, at->host_type, &b->remedy);
	return b->summary.err || b->why.err || b->remedy.err ? -E2BIG : 0;
}

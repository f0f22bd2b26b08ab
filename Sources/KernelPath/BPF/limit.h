// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// Packets of flows that have a limit go through the shaper: a pair of veths whose near end has a queue for each limit
// (HTB). What comes out at the far end goes on where port_ingress left it. So the underlay's queues are as they were, and
// wires of every kind are limited alike.
#pragma once

#define SHAPER_MAJOR 1

/// Puts a frame into the queue of a class. The port is written onto it, for the far end.
static __always_inline int shape(struct __sk_buff *skb, struct kp_port *port, __u32 class) {
    struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});
    if (!host || !host->shaper) return drop(port, KP_DROP_LIMIT);
    skb->priority = SHAPER_MAJOR << 16 | class;
    skb->mark = skb->ifindex;
    return bpf_redirect(host->shaper, 0) | RESULT_SHAPED;
}

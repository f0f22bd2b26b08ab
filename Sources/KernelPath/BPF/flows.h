// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// The flows of pairs: who began them, how far they have come, and what passes because of that.
//
// A packet from X to Y passes if the rules of flows that X begins pass it; or if it answers a live flow that Y began
// and that Y's rules still pass. So a change of rules cuts at once what it forbids, and nothing else.
#pragma once

/// The key of the flow that a packet of a side belongs to.
static __always_inline void set_key(
    struct kp_flow_key *key, __u32 pair, __u32 side, const struct packet *packet) {
    __u32 source = packet->source, destination = packet->destination;
    key->pair = pair;
    key->protocol = packet->protocol;
    key->family = packet->is_ipv6 ? KP_FLOW_IPV6 : 0;
    key->pad = 0;
    if (packet->kind == PACKET_PORTS) {
        key->low_port = side ? destination : source;
        key->high_port = side ? source : destination;
    } else if (packet->kind == PACKET_OTHER) {
        key->family |= KP_FLOW_PORTLESS;
        key->low_port = key->high_port = 0;
    } else {
        // Both ends may ask under one identifier at a time, so the key says who does.
        __u32 asker = packet->kind == PACKET_REPLY ? !side : side;
        key->low_port = source;
        key->high_port = destination << 8 | asker;
    }
}

/// The live flow of a key, or NULL.
static __always_inline struct kp_flow *find_flow(
    const struct kp_flow_key *key, const struct kp_config *host, __u64 now) {
    struct kp_flow *flow = bpf_map_lookup_elem(&flows, key);
    if (!flow) return NULL;
    __u32 state = flow->state;
    if (state >= KP_FLOW_STATES) return NULL;
    // Another processor may have seen the flow a little later than now.
    return (__s64)(now - flow->last) < (__s64)host->flow_timeouts[state] * 1000000 ? flow : NULL;
}

/// A packet of a side belongs to a flow and may: the flow lives on.
static __always_inline void refresh(
    struct kp_flow *flow, const struct packet *packet, __u32 side, __u64 packets, __u64 now) {
    __u32 state = flow->state;
    if (flow->beginner != side) {
        if (state == KP_FLOW_ONE_WAY) state = KP_FLOW_BOTH_WAYS;
        if (state == KP_FLOW_SCTP_OPENING) state = KP_FLOW_SCTP_ESTABLISHED;
        if (state == KP_FLOW_TCP_OPENING) state = KP_FLOW_TCP_ESTABLISHED;
    }
    if (packet->protocol == IPPROTO_TCP && packet->kind == PACKET_PORTS) {
        if (packet->flags & TCP_FIN) {
            flow->closed |= 1 << side;
            if (flow->closed == 3) state = KP_FLOW_TCP_CLOSING;
        }
        if (packet->flags & TCP_RST) state = KP_FLOW_TCP_CLOSING;
    }
    if (state != flow->state) flow->state = state;
    // Written seldom, so that two processors do not fight for the line.
    if ((__s64)(now - flow->last) > 10000000) flow->last = now;
    flow->packets += packets;
}

/// Whether the packet may be the first that is seen of a flow. TCP in mid-flow may: the endpoint has moved here. What
/// is an answer by its nature never is.
static __always_inline bool may_begin(const struct packet *packet) {
    if (packet->kind == PACKET_REPLY) return false;
    if (packet->kind != PACKET_PORTS || packet->protocol != IPPROTO_TCP) return true;
    if (packet->flags & TCP_RST) return false;
    return (packet->flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK);
}

static __always_inline bool is_opening(const struct packet *packet) {
    return packet->kind == PACKET_PORTS && packet->protocol == IPPROTO_TCP
        && (packet->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

/// A packet on the wire of a pair, and whose rules it is held to.
struct question {
    __u64 now;
    __u64 packets;
    struct packet packet;
    struct kp_flow_key key;
    __u32 side;   ///< who sends it; 0: the end with the lower identity
    __u32 own;    ///< number of the rules of flows that the sender begins
    __u32 other;  ///< and of those that the receiver begins
};

/// Makes the entry of a flow, if the pair and the port have not begun too many. Returns whether.
/// Not static, as all that is large: the verifier then reads it once and not at each call.
__noinline int begin_flow(const struct question *ask, struct kp_pair *pair, struct kp_port *port) {
    struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});
    if (!host || !ask || !pair) return false;
    // An entry for each packet that somebody sends would push out those of the neighbours.
    if (!within(&pair->flow_time, ask->now, host->flow_interval, host->flow_burst)) return false;
    if (port && !within(&port->flow_time, ask->now, host->flow_interval / 2, host->flow_burst)) return false;

    struct kp_flow flow = {.last = ask->now, .began = ask->now, .packets = ask->packets, .beginner = ask->side};
    flow.state = KP_FLOW_ONE_WAY;
    if (ask->packet.kind == PACKET_ECHO) flow.state = KP_FLOW_ECHO;
    if (ask->packet.kind == PACKET_PORTS) {
        // In mid-flow too: it is established when it is answered.
        if (ask->packet.protocol == IPPROTO_TCP) flow.state = KP_FLOW_TCP_OPENING;
        if (ask->packet.protocol == IPPROTO_SCTP) flow.state = KP_FLOW_SCTP_OPENING;
    }
    return bpf_map_update_elem(&flows, &ask->key, &flow, BPF_ANY) == 0;
}

/// Whether the packet at an offset was sent by the receiver of this one to its sender.
static __noinline bool is_from_receiver(struct __sk_buff *skb, __u32 at, bool is_ipv6) {
    __u32 outer[8], inner[8];
    if (!is_ipv6) {
        if (bpf_skb_load_bytes(skb, ETH_HLEN + 12, outer, 8) || bpf_skb_load_bytes(skb, at + 12, inner, 8)) return false;
        return inner[0] == outer[1] && inner[1] == outer[0];
    }
    if (bpf_skb_load_bytes(skb, ETH_HLEN + 8, outer, 32) || bpf_skb_load_bytes(skb, at + 8, inner, 32)) return false;
    for (int i = 0; i < 4; i++)
        if (inner[i] != outer[i + 4] || inner[i + 4] != outer[i]) return false;
    return true;
}

/// Whether an ICMP error is about a packet of a flow that lives and passes now, which its receiver sent.
__noinline int is_of_flow(struct __sk_buff *skb, const struct question *ask) {
    if (!ask) return false;
    struct packet quoted = {};
    struct kp_flow_key key;
    __u32 at = ask->packet.transport + 8;
    bool is_ipv6 = ask->packet.is_ipv6;
    struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});

    if (!host || !is_from_receiver(skb, at, is_ipv6)) return false;
    if (read_packet(skb, at, is_ipv6, true, &quoted)) return false;
    if (quoted.kind == PACKET_ERROR || quoted.kind == PACKET_SINGLE) return false;
    set_key(&key, ask->key.pair, !ask->side, &quoted);
    struct kp_flow *flow = find_flow(&key, host, ask->now);
    if (!flow) return false;
    return flow->beginner == ask->side ? goes_on(find_action(ask->own, quoted.answered, NULL))
                                       : goes_on(find_action(ask->other, quoted.asked, NULL));
}

/// Decides about a frame on the wire of a pair: the reason to drop it, negative; or the class of the shaper that it has
/// to go through; or 0. The port is that of the sender; NULL: the sender is on another host, which has asked too.
__noinline int decide(struct __sk_buff *skb, struct kp_port *port, __u32 wire, __u32 is_ipv6) {
    __u32 number = wire >> 1, side = wire & 1;
    struct question ask = {.side = side};
    struct packet *packet = &ask.packet;
    struct kp_flow *flow = NULL;
    struct kp_pair *pair = bpf_map_lookup_elem(&pairs, &number);
    struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});
    if (!pair || !host) return -KP_DROP_RULES;
    __u64 word = *(volatile __u64 *)&pair->word;
    if (!(__u32)word) return 0;
    ask.own = word >> (side ? 16 : 0) & 0xffff;
    ask.other = word >> (side ? 0 : 16) & 0xffff;

    if (!read_plain(skb, is_ipv6, packet)) {
        __u32 bad = read_packet(skb, ETH_HLEN, is_ipv6, false, packet);
        if (bad) return -bad;
    }
    bool has_flow = packet->kind != PACKET_SINGLE && packet->kind != PACKET_ERROR;
    ask.now = coarse_now();
    ask.packets = packets_of(skb);
    set_key(&ask.key, number, side, packet);
    if (has_flow) flow = find_flow(&ask.key, host, ask.now);
    struct kp_action *action = find_action(ask.own, packet->asked, flow ? &flow->segment[side] : NULL);
    if (!action) return -KP_DROP_RULES;
    bool passes = action->verdict == KP_PASS;

    if (flow && flow->beginner != side && !(passes && is_opening(packet))) {
        // It may be an answer. One that would pass by itself keeps the flow alive as well, but never makes it its own.
        struct kp_action *asked = find_action(ask.other, packet->answered, &flow->segment[!side]);
        if (goes_on(asked)) {
            refresh(flow, packet, side, ask.packets, ask.now);
            if (!passes) action = asked;
            passes = true;
        }
    } else if (passes && has_flow && action->flags & KP_ACTION_ANSWERS) {
        if (flow && flow->beginner == side && !(flow->state == KP_FLOW_TCP_CLOSING && is_opening(packet))) {
            refresh(flow, packet, side, ask.packets, ask.now);
        } else if (may_begin(packet)) {
            if (!begin_flow(&ask, pair, port)) return -KP_DROP_FLOW_BUDGET;
            if (action->flags & KP_ACTION_LOGGED) tell_event(&ask.key, action, side, packet->asked & 0xffff, ask.now);
        }
    } else if (packet->kind == PACKET_ERROR && !passes && is_of_flow(skb, &ask)) {
        return 0;
    }

    if (host->traces) note_rule(action, passes);
    if (action->rule | action->dry_run) count_rules(skb, host, action, ask.packets);
    if (!passes) {
        if (action->flags & KP_ACTION_LOGGED) tell_once(&ask.key, action, side, packet->asked & 0xffff, ask.now);
        return port && action->verdict == KP_REJECT ? -KP_DROP_REJECTED : -KP_DROP_RULES;
    }
    if ((action->flags & (KP_ACTION_LOGGED | KP_ACTION_ANSWERS)) == KP_ACTION_LOGGED)
        tell_once(&ask.key, action, side, packet->asked & 0xffff, ask.now);
    if (!action->limit || !port) return 0;
    __u32 class = word >> (side ? 48 : 32) & 0xffff;
    return class ? (int)(class + action->limit - 1) : -KP_DROP_LIMIT;
}

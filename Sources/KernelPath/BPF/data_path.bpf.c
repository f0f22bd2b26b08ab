// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// The data path of wires; what protects them is the ESP engine's. The functions stand in the order in which a frame meets them:
//
//   port_ingress      a frame from an endpoint   check the sender, find the wire, send or ask the leaf
//   shaper_entry      the same frame, right before it waits for its limit
//   shaper_egress     and when it has waited
//   underlay_ingress  a datagram from a leaf     find the wire, check the inner sender, deliver
//   vxlan_ingress     the same, for frames that need the VXLAN device to take the tunnel's marks off
//   engine_ingress    a frame that the ESP engine has opened   the same checks, and deliver
//   wire_pair         no frame: the leaf runs it to give a wire another pair
//
// Nothing from an endpoint ever reaches the host's own stack: port_ingress redirects or drops.

#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "kernel_path.h"

// Names that Debian 12's headers (6.1) do not have yet (Linux 6.3).
#define ADJ_ROOM_DECAP_L3_IPV4 (1 << 7)
#define ADJ_ROOM_DECAP_L3_IPV6 (1 << 8)

#define ETH_TYPE_AT 12
#define IPV6_AT ETH_HLEN
#define IPV6_PAYLOAD_AT (ETH_HLEN + 40)
#define IPV4_FRAGMENT bpf_htons(0x1fff)
#define IPV4_MORE bpf_htons(0x2000)

char LICENSE[] SEC("license") = "Dual Apache-2.0/GPL-2.0";

// In the order in which a frame meets them.
#include "maps.h"
#include "trace.h"
#include "small.h"
#include "punt.h"
#include "discovery.h"
#include "packet.h"
#include "rules.h"
#include "events.h"
#include "flows.h"
#include "send.h"
#include "limit.h"
#include "receive.h"

// MARK: 1. A frame from an endpoint

static __always_inline int from_port(struct __sk_buff *skb) {
    __u32 index = skb->ifindex, protocol, transport;
    bool is_ipv6, is_outside = false;
    struct kp_outside_key sender = {.port = index};
    struct kp_wire_key key = {.port = index};
    struct kp_port *port = bpf_map_lookup_elem(&ports, &index);
    if (!port) return drop(NULL, KP_DROP_CLOSED);

    // 1.1 Who is it?
    reach(skb, IPV6_PAYLOAD_AT);
    reach(skb, ETH_HLEN + sizeof(struct iphdr));
    void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    struct ethhdr *ethernet = data;
    if (data + ETH_HLEN + sizeof(struct iphdr) > end) return drop(port, KP_DROP_MALFORMED);
    if (*(__u32 *)ethernet->h_source != *(__u32 *)port->mac
        || *(__u16 *)(ethernet->h_source + 4) != *(__u16 *)(port->mac + 4))
        return drop(port, KP_DROP_SOURCE);
    if (skb->vlan_present) return drop(port, KP_DROP_ETHERTYPE);

    if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
        struct ipv6hdr *ip = data + ETH_HLEN;
        if ((void *)(ip + 1) > end || ip->version != 6) return drop(port, KP_DROP_MALFORMED);
        if ((__u32)bpf_ntohs(ip->payload_len) + IPV6_PAYLOAD_AT > skb->len) return drop(port, KP_DROP_MALFORMED);
        if (!same(&port->identity, &ip->saddr)) {
            if (!port->is_border || !is_routable(&ip->saddr)) return port_foreign_ipv6(skb, port);
            __builtin_memcpy(&sender.source, &ip->saddr, 16);
            is_outside = true;
        }
        __builtin_memcpy(&key.destination, &ip->daddr, 16);
        protocol = ip->nexthdr;
        transport = IPV6_PAYLOAD_AT;
        is_ipv6 = true;
        if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) {
            int type = may_go_on(skb, protocol);
            if (type > 0) return port_discovery(skb, port, type);
            if (type < 0) return drop(port, -type);
        }
        __u32 first = bpf_ntohl(key.destination.words[0]);
        if (first >> 24 == 0xff) return drop(port, KP_DROP_MULTICAST);
        if (first >> 22 == 0x3fa) return drop(port, KP_DROP_LINK_LOCAL);
    } else if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
        struct iphdr *ip = data + ETH_HLEN;
        if (ip->version != 4 || ip->ihl < 5) return drop(port, KP_DROP_MALFORMED);
        __u32 total = bpf_ntohs(ip->tot_len);
        if (total + ETH_HLEN > skb->len) return drop(port, KP_DROP_MALFORMED);
        if (!port->ipv4 || ip->saddr != port->ipv4) {
            if (!port->is_border) return drop(port, KP_DROP_SOURCE);
            set_mapped(&sender.source, ip->saddr);
            is_outside = true;
        }
        __u32 first = bpf_ntohl(ip->daddr);
        if (first >> 28 == 0xe || first == 0xffffffff) return drop(port, KP_DROP_MULTICAST);
        set_mapped(&key.destination, ip->daddr);
        protocol = ip->protocol;
        transport = ETH_HLEN + ip->ihl * 4;
        is_ipv6 = false;
    } else if (ethernet->h_proto == bpf_htons(ETH_P_ARP)) {
        return port_arp(skb, port);
    } else {
        return drop(port, KP_DROP_ETHERTYPE);
    }

    // An address outside sends: from here on it is a port of its own, once it has any wire.
    if (is_outside) {
        struct kp_wire_key known = {.port = index, .destination = sender.source};
        __u32 *number = bpf_map_lookup_elem(&outside, &known);
        struct kp_port *own = number ? bpf_map_lookup_elem(&ports, number) : NULL;
        // The wires of the border itself are not for it: no wire has the port 0.
        key.port = 0;
        if (number && own) key.port = *number, port = own;
    }

    // 1.2 Is there a wire?
    struct kp_wire *wire = bpf_map_lookup_elem(&wires, &key);
    if (!wire) {
        struct kp_denied *refusal;
        if (is_outside) {
            sender.destination = key.destination;
            refusal = bpf_map_lookup_elem(&outside_denied, &sender);
        } else {
            refusal = bpf_map_lookup_elem(&denied, &key);
        }
        if (!refusal || bpf_ktime_get_ns() >= refusal->until) return punt(skb, port, KP_PUNT_MISS, skb->len);
        __sync_fetch_and_add(&refusal->drops, 1);
        return drop(port, KP_DROP_DENIED);
    }

    // 1.3 Do the rules of its pair pass it?
    int class = 0;
    if (wire->pair) {
        class = decide(skb, port, wire->pair, is_ipv6);
        if (class == -KP_DROP_REJECTED) return punt_beginning(skb, port, KP_PUNT_REJECTED);
        if (class < 0) return drop(port, -class);
    }

    // 1.4 Send
    if (is_larger(skb, mtu_of(skb, port, wire, is_ipv6), transport, protocol))
        return punt_beginning(skb, port, KP_PUNT_TOO_BIG);
    if (class > 0) return shape(skb, port, key.port, class);
    return send(skb, port, wire, &key.destination, is_ipv6);
}

SEC("tc")
int port_ingress(struct __sk_buff *skb) {
    __u32 trace = begin_trace(skb, ETH_HLEN);
    return end_trace(trace, KP_AT_PORT, from_port(skb));
}

/// A frame on its way into the queue of its limit, whose length has been taken.
SEC("tc")
int shaper_entry(struct __sk_buff *skb) {
    if (lengthen(skb)) return TC_ACT_UNSPEC;
    drop(NULL, KP_DROP_LIMIT);
    return TC_ACT_SHOT;
}

/// A frame that has waited in the queue of its limit; everything was asked before it did.
static __always_inline int from_shaper(struct __sk_buff *skb) {
    struct kp_wire_key key = {.port = skb->mark};
    bool is_ipv6 = skb->protocol == bpf_htons(ETH_P_IPV6);
    struct kp_port *port = bpf_map_lookup_elem(&ports, &key.port);
    if (!port) return drop(NULL, KP_DROP_CLOSED);
    if (is_ipv6) {
        if (bpf_skb_load_bytes(skb, IPV6_AT + offsetof(struct ipv6hdr, daddr), &key.destination, 16))
            return drop(port, KP_DROP_MALFORMED);
    } else {
        __u32 destination;
        if (bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, daddr), &destination, 4))
            return drop(port, KP_DROP_MALFORMED);
        set_mapped(&key.destination, destination);
    }
    struct kp_wire *wire = bpf_map_lookup_elem(&wires, &key);
    // It was unplugged meanwhile.
    if (!wire) return drop(port, KP_DROP_LIMIT);
    skb->mark = 0;
    skb->priority = 0;
    return send(skb, port, wire, &key.destination, is_ipv6);
}

SEC("tc")
int shaper_egress(struct __sk_buff *skb) {
    __u32 trace = begin_trace(skb, ETH_HLEN);
    return end_trace(trace, KP_AT_SHAPER, from_shaper(skb));
}

// MARK: 2. A frame from another leaf

#define VXLAN_AT_IPV4 (ETH_HLEN + 20 + 8)
#define VXLAN_AT_IPV6 (ETH_HLEN + 40 + 8)

static __always_inline int from_underlay(struct __sk_buff *skb) {
    void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    struct kp_receive_key key = {};

    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        struct iphdr *ip = data + ETH_HLEN;
        struct udphdr *udp = (void *)(ip + 1);
        if ((void *)(ip + 1) > end) return TC_ACT_UNSPEC;
        if (ip->protocol != IPPROTO_UDP || ip->frag_off & IPV4_FRAGMENT) return TC_ACT_UNSPEC;
        struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});
        if (!host || ip->daddr != host->locator_ipv4) return TC_ACT_UNSPEC;
        if (ip->ihl != 5) {
            __be16 port;
            if (bpf_skb_load_bytes(skb, ETH_HLEN + ip->ihl * 4 + 2, &port, 2)) return TC_ACT_UNSPEC;
            return port == host->vxlan_port ? drop(NULL, KP_DROP_VXLAN) : TC_ACT_UNSPEC;
        }
        reach(skb, VXLAN_AT_IPV4);
        data = (void *)(long)skb->data, end = (void *)(long)skb->data_end;
        ip = data + ETH_HLEN;
        udp = (void *)(ip + 1);
        if ((void *)(udp + 1) > end || udp->dest != host->vxlan_port) return TC_ACT_UNSPEC;
        if (ip->frag_off & IPV4_MORE) return drop(NULL, KP_DROP_VXLAN);
        set_mapped(&key.locator, ip->saddr);
        reach(skb, VXLAN_AT_IPV4 + 8 + IPV6_PAYLOAD_AT);
        reach(skb, VXLAN_AT_IPV4 + 8 + ETH_HLEN + sizeof(struct iphdr));
        return receive_datagram(skb, &key, VXLAN_AT_IPV4, false);
    }
    if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
        // Behind extension headers, the stack reads them and vxlan_ingress makes the same checks.
        struct ipv6hdr *ip = data + ETH_HLEN;
        if ((void *)(ip + 1) > end || ip->nexthdr != IPPROTO_UDP) return TC_ACT_UNSPEC;
        struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});
        if (!host || !same(&host->locator_ipv6, &ip->daddr)) return TC_ACT_UNSPEC;
        reach(skb, VXLAN_AT_IPV6);
        data = (void *)(long)skb->data, end = (void *)(long)skb->data_end;
        ip = data + ETH_HLEN;
        struct udphdr *udp = (void *)(ip + 1);
        if ((void *)(udp + 1) > end || udp->dest != host->vxlan_port) return TC_ACT_UNSPEC;
        __builtin_memcpy(&key.locator, &ip->saddr, 16);
        reach(skb, VXLAN_AT_IPV6 + 8 + IPV6_PAYLOAD_AT);
        reach(skb, VXLAN_AT_IPV6 + 8 + ETH_HLEN + sizeof(struct iphdr));
        return receive_datagram(skb, &key, VXLAN_AT_IPV6, true);
    }
    return TC_ACT_UNSPEC;
}

SEC("tc")
int underlay_ingress(struct __sk_buff *skb) {
    // Whatever stands there: a frame that is none of ours looks like a followed packet by no accident.
    __u32 vxlan = skb->protocol == bpf_htons(ETH_P_IP) ? VXLAN_AT_IPV4 : VXLAN_AT_IPV6;
    __u32 trace = begin_trace(skb, vxlan + 8 + ETH_HLEN);
    return end_trace(trace, KP_AT_UNDERLAY, from_underlay(skb));
}

/// The inner frame as the VXLAN device gives it; nothing of it is for the host's own stack.
static __always_inline int from_vxlan(struct __sk_buff *skb) {
    struct bpf_tunnel_key tunnel;
    struct kp_receive_key key = {};
    struct inner inner = {};
    if (bpf_skb_get_tunnel_key(skb, &tunnel, sizeof tunnel, 0) == 0)
        set_mapped(&key.locator, bpf_htonl(tunnel.remote_ipv4));
    else if (bpf_skb_get_tunnel_key(skb, &tunnel, sizeof tunnel, BPF_F_TUNINFO_IPV6) == 0)
        __builtin_memcpy(&key.locator, tunnel.remote_ipv6, 16);
    else
        return drop(NULL, KP_DROP_VXLAN);
    key.label = tunnel.tunnel_id;
    struct kp_receive *wire = bpf_map_lookup_elem(&receive, &key);
    if (!wire) return drop(NULL, KP_DROP_UNKNOWN_LABEL);
    __u32 index = wire->port;
    struct kp_port *port = bpf_map_lookup_elem(&ports, &index);
    if (!port) return drop(NULL, KP_DROP_PEER_GONE);

    reach(skb, IPV6_PAYLOAD_AT);
    reach(skb, ETH_HLEN + sizeof(struct iphdr));
    __u32 reason = check_inner(skb, 0, wire, port, &inner);
    if (reason) return drop(NULL, reason);
    return deliver_received(skb, wire, port, inner.is_ipv6);
}

SEC("tc")
int vxlan_ingress(struct __sk_buff *skb) {
    __u32 trace = begin_trace(skb, ETH_HLEN);
    return end_trace(trace, KP_AT_VXLAN, from_vxlan(skb));
}

/// A frame that the ESP engine has authenticated; the wire's number is in the MAC address.
static __always_inline int from_engine(struct __sk_buff *skb) {
    struct kp_receive_key key = {};
    struct inner inner = {};
    struct {
        __be16 prefix;
        __be32 label;
    } __attribute__((packed)) mac;
    if (bpf_skb_load_bytes(skb, 0, &mac, sizeof mac) || mac.prefix != bpf_htons(KP_ENGINE_MAC))
        return drop(NULL, KP_DROP_ENGINE);
    key.label = KP_RECEIVE_PROTECTED | bpf_ntohl(mac.label);
    struct kp_receive *wire = bpf_map_lookup_elem(&receive, &key);
    if (!wire) return drop(NULL, KP_DROP_ENGINE);
    __u32 index = wire->port;
    struct kp_port *port = bpf_map_lookup_elem(&ports, &index);
    if (!port) return drop(NULL, KP_DROP_PEER_GONE);

    reach(skb, IPV6_PAYLOAD_AT);
    reach(skb, ETH_HLEN + sizeof(struct iphdr));
    __u32 reason = check_inner(skb, 0, wire, port, &inner);
    if (reason) return drop(NULL, reason);
    return deliver_received(skb, wire, port, inner.is_ipv6);
}

SEC("tc")
int engine_ingress(struct __sk_buff *skb) {
    __u32 trace = begin_trace(skb, ETH_HLEN);
    return end_trace(trace, KP_AT_ENGINE, from_engine(skb));
}

// MARK: 3. A request of the leaf

/// Gives a wire that is plugged a pair, or takes it away. Run by the leaf: an update of the element would lose what was
/// counted in between. The request stands behind an Ethernet header. Returns whether there is such a wire.
SEC("tc")
int wire_pair(struct __sk_buff *skb) {
    struct kp_pair_request request;
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &request, sizeof request)) return 0;
    if (request.is_receive) {
        struct kp_receive *wire = bpf_map_lookup_elem(&receive, &request.receive);
        if (wire) wire->pair = request.pair;
        return wire != NULL;
    }
    struct kp_wire *wire = bpf_map_lookup_elem(&wires, &request.wire);
    if (wire) wire->pair = request.pair;
    return wire != NULL;
}

/// Takes a wire out, or puts another in its place, and keeps what it had counted, in one step: whoever ends the leaf ends
/// it before or after. Or adds to what is counted. The request stands behind an Ethernet header.
///
/// What an element held can be read until this program ends. A packet of another processor that has found the wire
/// already may count a moment too late; that is one packet for each processor at most.
SEC("tc")
int wire_account(struct __sk_buff *skb) {
    struct kp_account_request request;
    __u64 id;
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &request, sizeof request)) return KP_ACCOUNT_FAILED;
    if (request.is_receive) {
        struct kp_receive *wire = bpf_map_lookup_elem(&receive, &request.receive);
        if (!wire) return KP_ACCOUNT_ABSENT;
        id = KP_RECEIVE_ID(request.receive.label, wire->chance);
        if (request.act == KP_ACCOUNT_REPLACE) {
            if (bpf_map_update_elem(&receive, &request.receive, &request.new_receive, BPF_EXIST))
                return KP_ACCOUNT_FAILED;
        } else if (bpf_map_delete_elem(&receive, &request.receive)) {
            return KP_ACCOUNT_FAILED;
        }
        request.ended.packets = wire->packets;
        request.ended.bytes = wire->bytes;
    } else {
        struct kp_wire *wire = bpf_map_lookup_elem(&wires, &request.wire);
        if (!wire) return KP_ACCOUNT_ABSENT;
        if (request.act == KP_ACCOUNT_COUNT) {
            __sync_fetch_and_add(&wire->packets, request.ended.packets);
            __sync_fetch_and_add(&wire->bytes, request.ended.bytes);
            return KP_ACCOUNT_DONE;
        }
        id = wire->id;
        if (request.act == KP_ACCOUNT_REPLACE) {
            if (bpf_map_update_elem(&wires, &request.wire, &request.new_wire, BPF_EXIST)) return KP_ACCOUNT_FAILED;
        } else if (bpf_map_delete_elem(&wires, &request.wire)) {
            return KP_ACCOUNT_FAILED;
        }
        request.ended.packets = wire->packets;
        request.ended.bytes = wire->bytes;
    }
    if (!request.ended.packets) return KP_ACCOUNT_DONE;
    return bpf_map_update_elem(&ended, &id, &request.ended, BPF_ANY) ? KP_ACCOUNT_NO_ROOM : KP_ACCOUNT_DONE;
}

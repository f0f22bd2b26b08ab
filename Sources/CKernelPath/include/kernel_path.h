// What the BPF programs and the leaf share: the layout of every map (BPF/data_path.bpf.c, KernelPath).
//
// Addresses are in network order, as they are in packets; an IPv4 address where 16 bytes stand is v4-mapped
// (RFC 4291, section 2.5.5.2). All other numbers are in the machine's own order. A layout that changes needs a new
// KP_LAYOUT: pinned maps outlive the leaf that made them.
#pragma once

#include <linux/types.h>

#define KP_LAYOUT 2

/// Bytes that a frame gains on the underlay inside its Ethernet header: IP 20 or 40, UDP 8, VXLAN 8, inner Ethernet 14.
#define KP_OVERHEAD_IPV4 50
#define KP_OVERHEAD_IPV6 70

#define KP_VXLAN_PORT 4789
#define KP_HIGHEST_LABEL 0xffffff

/// An IPv6 or v4-mapped address. Words, so that keys have no padding and hash as words.
struct kp_address {
    __u32 words[4];
};

/// Why a frame was dropped. The names that people see are in DropReason.swift, in this order.
enum kp_drop {
    KP_DROP_CLOSED,           ///< the port has no entry
    KP_DROP_SOURCE,           ///< the sender is not who it says: MAC, IPv6 or IPv4 source, ARP sender
    KP_DROP_ETHERTYPE,        ///< neither IPv4, IPv6 nor ARP, or tagged
    KP_DROP_MULTICAST,        ///< multicast or broadcast
    KP_DROP_LINK_LOCAL,       ///< to or from a link-local address, and no neighbour discovery
    KP_DROP_FORGED_ND,        ///< RA, NA or redirect from an endpoint, ARP reply, announcement
    KP_DROP_PROBE,            ///< duplicate address detection (NS from ::, ARP probe)
    KP_DROP_MLD,              ///< multicast listener reports
    KP_DROP_MALFORMED,        ///< shorter than its headers say, or wrong in them
    KP_DROP_TOO_BIG,          ///< larger than the port's MTU
    KP_DROP_NO_WIRE,          ///< no wire; the leaf was told (a punt of reason miss)
    KP_DROP_PUNTED,           ///< taken by the leaf to be answered on the host (ARP, ND, RS)
    KP_DROP_DENIED,           ///< refused not long ago, the leaf is not asked again yet
    KP_DROP_PUNT_BUDGET,      ///< the port has told the leaf too much
    KP_DROP_RING_FULL,        ///< the leaf does not read fast enough
    KP_DROP_PUNT_SIZE,        ///< too large to tell the leaf of
    KP_DROP_ENCAPSULATION,    ///< the outer header could not be pushed or popped
    KP_DROP_PEER_GONE,        ///< the port at the other end of a local wire is closed
    KP_DROP_UNKNOWN_LABEL,    ///< VXLAN from a source and with a label that are no wire
    KP_DROP_VXLAN,            ///< VXLAN whose headers are wrong, or a fragment of it
    KP_DROP_INNER_SOURCE,     ///< the inner sender is not the wire's
    KP_DROP_INNER_DESTINATION,///< the inner destination is not the wire's
    KP_DROP_ENGINE,           ///< the wire is protected and there is no ESP engine, or the engine's frame is no wire's
    KP_DROPS
};

/// Why the leaf gets a frame.
enum kp_punt_reason { KP_PUNT_MISS, KP_PUNT_ARP, KP_PUNT_ND, KP_PUNT_RS, KP_PUNT_TOO_BIG, KP_PUNT_REASONS };

/// How frames reach the device of a port.
enum kp_port_kind {
    KP_PORT_VETH,  ///< a veth whose peer is in another namespace: bpf_redirect_peer
    KP_PORT_PLAIN, ///< any other: bpf_redirect; tunnel marks have to be gone (a TAP)
};

/// What there is once for a host.
struct kp_config {
    __u32 layout;
    __u32 underlay;      ///< device index
    __u32 vxlan;         ///< device index
    __u32 locator_ipv4;  ///< network order; 0 when the host has none
    struct kp_address locator_ipv6;
    __be16 vxlan_port;   ///< network order
    __u16 pad;
    __u32 engine;        ///< device index of the ESP engine's TAP; 0: there is none
};

/// A port, found by its device index.
struct kp_port {
    struct kp_address identity;
    __u32 ipv4;          ///< network order; 0 when the endpoint has none
    __u8 mac[6];
    __u16 mtu;           ///< bytes without the Ethernet header
    __u32 kind;          ///< enum kp_port_kind
    __u32 punt_interval; ///< nanoseconds of budget that a punt costs
    __u64 punt_burst;    ///< nanoseconds of budget that can be saved up
    __u64 punt_time;     ///< when the budget used so far will have been earned
    __u64 drops[KP_DROPS];
};

/// A wire as the sender knows it, found by (port, destination).
struct kp_wire_key {
    __u32 port;
    struct kp_address destination;
};

#define KP_WIRE_LOCAL 0x80000000u
/// With the number of the wire's transmit group at the ESP engine.
#define KP_WIRE_PROTECTED 0x40000000u
#define KP_HIGHEST_SLOT 0x3fffffff

/// The MAC addresses of frames to and from the ESP engine: two bytes of these, then the wire's number, big-endian.
#define KP_ENGINE_MAC 0x0250

/// Small on purpose: with the kernel's 48 bytes of element and 24 of key it fits two cache lines.
struct kp_wire {
    __u32 label;   ///< VNI, KP_WIRE_LOCAL, or KP_WIRE_PROTECTED with a number
    __u32 peer;    ///< index into peers, or the device index of the port at the other end
    __u64 packets; ///< segments of super-packets counted one by one
    __u64 bytes;   ///< of inner IP packets
    __u32 mtu;     ///< bytes of the largest inner packet; 0: the port's
    __u32 pad;
};

/// Another leaf, found by index.
struct kp_peer {
    struct kp_address locator;
    struct kp_address source;
    __u32 is_ipv6;
    __u32 sum;     ///< of the words of the IPv4 header that are the same in every packet, not folded
};

/// A wire as the receiver knows it, found by (sending leaf, label). A protected one, which the ESP engine has
/// authenticated, is found by no leaf and KP_RECEIVE_PROTECTED with its label, which no VXLAN header can carry.
struct kp_receive_key {
    struct kp_address locator;
    __u32 label;
};

#define KP_RECEIVE_PROTECTED 0x80000000u

struct kp_receive {
    struct kp_address source;  ///< identity
    __u32 source_ipv4;         ///< network order; 0 when the endpoint has none
    __u32 port;                ///< device index
    __u64 packets;
    __u64 bytes;
};

struct kp_denied {
    __u64 until;   ///< CLOCK_MONOTONIC, nanoseconds
    __u64 drops;
};

/// What is in front of a frame in the ring.
struct kp_punt {
    __u32 port;
    __u16 reason;  ///< enum kp_punt_reason
    __u16 length;  ///< of the frame that follows
};

_Static_assert(sizeof(struct kp_address) == 16, "kp_address");
_Static_assert(sizeof(struct kp_config) == 40, "kp_config");
_Static_assert(sizeof(struct kp_port) == 56 + 8 * KP_DROPS, "kp_port");
_Static_assert(sizeof(struct kp_wire_key) == 20, "kp_wire_key");
_Static_assert(sizeof(struct kp_wire) == 32, "kp_wire");
_Static_assert(sizeof(struct kp_peer) == 40, "kp_peer");
_Static_assert(sizeof(struct kp_receive_key) == 20, "kp_receive_key");
_Static_assert(sizeof(struct kp_receive) == 40, "kp_receive");
_Static_assert(sizeof(struct kp_denied) == 16, "kp_denied");
_Static_assert(sizeof(struct kp_punt) == 8, "kp_punt");

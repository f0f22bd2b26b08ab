// What the BPF programs and the leaf share: the layout of every map (BPF/data_path.bpf.c, KernelPath).
//
// Addresses are in network order, as they are in packets; an IPv4 address where 16 bytes stand is v4-mapped
// (RFC 4291, section 2.5.5.2). All other numbers are in the machine's own order. A layout that changes needs a new
// KP_LAYOUT: pinned maps outlive the leaf that made them.
#pragma once

#include <linux/types.h>

#define KP_LAYOUT 5

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
    KP_DROP_RULES,            ///< the wire is there, and its rules do not pass this flow
    KP_DROP_REJECTED,         ///< the same, and the sender is to be told (a punt of reason rejected)
    KP_DROP_HEADERS,          ///< more than KP_MOST_EXTENSIONS IPv6 extension headers, or broken ones
    KP_DROP_FLOW_BUDGET,      ///< the pair or the port has begun too many flows
    KP_DROP_LIMIT,            ///< the flow has a limit, and its queue or its class is not there
    KP_DROPS
};

/// Why the leaf gets a frame.
enum kp_punt_reason {
    KP_PUNT_MISS, KP_PUNT_ARP, KP_PUNT_ND, KP_PUNT_RS, KP_PUNT_TOO_BIG, KP_PUNT_REJECTED, KP_PUNT_REASONS
};

/// How frames reach the device of a port.
enum kp_port_kind {
    KP_PORT_VETH,  ///< a veth whose peer is in another namespace: bpf_redirect_peer
    KP_PORT_PLAIN, ///< any other: bpf_redirect; tunnel marks have to be gone (a TAP)
};

/// How far a flow has come; each state has a time-out of its own, after which the flow is as if it had never been.
enum kp_flow_state {
    KP_FLOW_TCP_OPENING,     ///< 60 s: a SYN is repeated for about that long (RFC 6298; Linux gives up after 127 s)
    KP_FLOW_TCP_ESTABLISHED, ///< 2 h 4 min (RFC 5382, REQ-5): keep-alives come every 2 h and must find the flow
    KP_FLOW_TCP_CLOSING,     ///< 20 s after FIN both ways, or RST: for the last segments and their repetition
    KP_FLOW_ONE_WAY,         ///< 30 s: UDP and other protocols that nobody has answered yet
    KP_FLOW_BOTH_WAYS,       ///< 180 s: UDP and others, answered (RFC 4787, REQ-5 asks for 2 min or more)
    KP_FLOW_SCTP_OPENING,    ///< 60 s, as TCP
    KP_FLOW_SCTP_ESTABLISHED,///< as TCP
    KP_FLOW_ECHO,            ///< 30 s: ICMP echo and time stamps
    KP_FLOW_STATES
};

/// What there is once for a host.
struct kp_config {
    __u32 layout;
    __u32 underlay;      ///< device index
    __u32 vxlan;         ///< device index
    __u32 locator_ipv4;  ///< network order; 0 when the host has none
    struct kp_address locator_ipv6;
    __be16 vxlan_port;   ///< network order
    __u8 rule_rows;      ///< rows of rule_counts less one; a power of two less one
    __u8 rules_shared;   ///< whether several processors have one row of rule_counts
    __u32 engine;        ///< device index of the ESP engine's TAP; 0: there is none
    __u32 shaper;        ///< device index of the end of the shaper that limited packets go into; 0: there is none
    __u32 flow_timeouts[KP_FLOW_STATES]; ///< milliseconds
    __u32 traces;        ///< a bit for each trace that is on; 0: no packet is followed
    __u64 flow_interval; ///< nanoseconds of budget that a new flow costs its pair; a port has twice a pair's budget
    __u64 flow_burst;    ///< nanoseconds of budget that can be saved up
    __u64 event_interval;///< nanoseconds of budget that an event costs its processor
    __u64 event_burst;
    __u32 rule_room;     ///< places of one row of rule_counts
    __u32 pad3;
};

/// A port, found by its device index; or an address outside, which is behind the port of a border and has the border's
/// device, MAC address and MTU, found by a number from KP_OUTSIDE on.
struct kp_port {
    struct kp_address identity; ///< or the address outside
    __u32 ipv4;          ///< network order; 0 when the endpoint has none
    __u8 mac[6];
    __u16 mtu;           ///< bytes without the Ethernet header
    __u16 kind;          ///< enum kp_port_kind
    __u16 is_border;     ///< addresses outside send through this port
    __u32 punt_interval; ///< nanoseconds of budget that a punt costs
    __u64 punt_burst;    ///< nanoseconds of budget that can be saved up
    __u64 punt_time;     ///< when the budget used so far will have been earned
    __u64 flow_time;     ///< the same for the flows that the endpoint begins
    __u32 device;        ///< index; of an address outside that of its border
    __u32 pad;
    __u64 drops[KP_DROPS];
};

/// Above every device index.
#define KP_OUTSIDE 0x80000000u

/// Who was refused whom outside: the port of a border, the address outside that sent, and for whom it was.
struct kp_outside_key {
    __u32 port;
    struct kp_address source;
    struct kp_address destination;
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
    __u64 bytes;   ///< of inner IP packets, each with its own headers
    __u16 mtu;     ///< bytes of the largest inner packet; 0: the port's
    __u16 pad;
    __u32 pair;    ///< KP_PAIR of the pair and the side that sends; 0: the wire has no rules
    __u64 id;      ///< of what is counted here, never given again on this host; 62 bits of chance after KP_SEND_ID
};

#define KP_SEND_ID (1ull << 62)

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
    __u32 pair;                ///< KP_PAIR of the pair and the side that sends; 0: the wire has no rules
    __u32 chance;              ///< a label may come again after a long time, the id of what is counted may not
};

/// The id of what a receiving end counts.
#define KP_RECEIVE_ID(label, chance) ((__u64)((label) & 0x00ffffff) << 32 | (chance))

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

// MARK: Rules of pairs

/// What a wire carries of its pair: the pair's number, from 1 on, and who sends (0: the end with the lower identity).
#define KP_PAIR(number, side) ((number) << 1 | (side))

/// One 64-bit word decides what a pair may do, so that all wires of both directions change in one step:
/// bits 0-15 the number of the flow rules of the low end, 16-31 those of the high end (0 and 0: everything passes),
/// 32-47 the class of the low end's first limit, 48-63 that of the high end's (0: there is none).
struct kp_pair {
    __u64 word;
    __u64 flow_time;  ///< when the budget of new flows used so far will have been earned
};

/// The two ends of a pair, the lower identity first; the value is the pair's number.
struct kp_ends {
    struct kp_address low;
    struct kp_address high;
};

enum kp_verdict { KP_PASS, KP_DROP, KP_REJECT };

#define KP_ACTION_ANSWERS 1  ///< what comes back passes as well, and there is a flow entry
#define KP_ACTION_LOGGED 2

struct kp_action {
    __u8 verdict;  ///< enum kp_verdict
    __u8 flags;
    __u8 limit;    ///< 0: none, else 1 and the distance from the pair's first class
    __u8 pad;
    __u32 rule;    ///< the place of the rule that it is counted for; 0: it is not
    __u32 dry_run; ///< and of the rule that would have decided otherwise; 0: none
};

/// The flow rules of one direction. What is published is never changed, until nobody has referred to it for a while.
struct kp_flow_rules {
    __u32 first;   ///< place of the first segment
    __u32 count;   ///< of segments; 0: all is otherwise
    struct kp_action otherwise;
    __u32 pad;
};

/// From its start to the start of the next one. Key numbers: KP_NUMBER.
struct kp_segment {
    struct kp_action action;  // first, as the verifier wants no sum of a pointer that may be NULL
    __u32 start;
};

#define KP_MOST_SEGMENTS 4096  ///< of one direction: 12 steps of search
#define KP_SEARCH_STEPS 12
#define KP_MOST_EXTENSIONS 8

enum kp_protocol { KP_TCP, KP_UDP, KP_SCTP, KP_ICMP, KP_ICMPV6, KP_PROTOCOLS };

#define KP_NUMBER(protocol, number) ((__u32)(protocol) << 16 | (number))
/// Of a packet that no segment matches: without ports, or of a protocol that rules do not know.
#define KP_NO_NUMBER 0xffffffffu

/// A flow of a pair. For ICMP the first port is the identifier, the second the type of the question and who asks.
struct kp_flow_key {
    __u32 pair;      ///< the pair's number
    __u8 protocol;   ///< IP protocol number
    __u8 family;     ///< KP_FLOW_ bits
    __u16 low_port;  ///< that of the end with the lower identity
    __u16 high_port;
    __u16 pad;
};

#define KP_FLOW_IPV6 1
#define KP_FLOW_PORTLESS 2  ///< a protocol without ports, or fragments

struct kp_flow {
    __u64 last;      ///< CLOCK_MONOTONIC, nanoseconds
    __u64 began;     ///< CLOCK_MONOTONIC, nanoseconds
    __u64 packets;   ///< of both ways; two processors that count at once may lose one
    __u8 beginner;   ///< 0: the low end
    __u8 state;      ///< enum kp_flow_state
    __u8 closed;     ///< by whom, for TCP: bit 0 the low end, bit 1 the high end
    __u8 pad;
    __u16 segment[2];///< where what was asked for last stands in the rules of the low end and of the high end: a hint
};

/// What was decided by a rule, in one row: each processor has a row of its own, or shares it with few.
struct kp_rule_count {
    __u64 packets;   ///< passed
    __u64 bytes;     ///< of IP packets, passed
    __u64 drops;
    __u64 dry_runs;  ///< packets that the rule, tried only, would have decided otherwise
};

/// What is told of a flow whose action is logged.
struct kp_event {
    __u64 time;      ///< CLOCK_MONOTONIC, nanoseconds
    struct kp_flow_key flow;
    __u32 rule;
    __u32 dry_run;
    __u8 side;       ///< who sent the packet
    __u8 verdict;
    __u16 number;    ///< of ICMP: type << 8 | code
};

/// The budget of events of one processor, and what it could not tell.
struct kp_event_budget {
    __u64 time;
    __u64 lost;
};

#define KP_TRACES 8       ///< packets that are followed at once
#define KP_TRACE_STEPS 16 ///< that are told of one
#define KP_TRACE_WORDS 11 ///< an IPv6 header and the first word behind it

/// A packet that is followed. It is known by the first words of its IP packet, as they are in memory.
struct kp_trace {
    __u64 until;     ///< CLOCK_MONOTONIC, nanoseconds
    __u32 told;      ///< how many steps there were, also beyond KP_TRACE_STEPS
    __u32 pad;
    __u32 words[KP_TRACE_WORDS];
    __u32 masks[KP_TRACE_WORDS];
};

/// Which program met it.
enum kp_trace_place { KP_AT_PORT, KP_AT_SHAPER, KP_AT_UNDERLAY, KP_AT_VXLAN, KP_AT_ENGINE };

/// What the rules said: nothing, when they were not asked or it was an error that belongs to a flow.
enum kp_decided { KP_DECIDED_NOTHING, KP_DECIDED_PASS, KP_DECIDED_DROP };

/// What a program did with a packet that is followed.
struct kp_step {
    __u64 time;      ///< CLOCK_MONOTONIC, nanoseconds; 0: not written yet
    __u32 rule;      ///< that decided; 0: none
    __u32 dry_run;
    __u16 reason;    ///< enum kp_drop; KP_DROPS: it was not dropped
    __u8 place;      ///< enum kp_trace_place
    __u8 action;     ///< TC_ACT_
    __u8 decided;    ///< enum kp_decided
    __u8 is_shaped;  ///< it went to the queue of its limit
    __u8 pad[2];
};

/// What a processor keeps of the rules until the program tells the step.
struct kp_trace_note {
    __u32 rule;
    __u32 dry_run;
    __u32 decided;
};

/// A limit as it was set, found by its class: what a later process has to know.
struct kp_class {
    __u64 rate;      ///< bits per second
    __u32 burst;     ///< bytes
    __u32 count;     ///< of the limits that begin here; 0: this is not the first
};

/// What the program wire_pair is asked for: to give a wire's element another pair, and leave the rest.
struct kp_pair_request {
    __u32 is_receive;
    __u32 pair;
    struct kp_wire_key wire;
    struct kp_receive_key receive;
};

// MARK: Accounts

/// Which end of a wire has counted.
enum kp_role {
    KP_ROLE_NONE,
    KP_ROLE_SEND,
    KP_ROLE_RECEIVE,
    KP_ROLE_LOCAL, ///< both ends are on this host
};

/// What an end of a wire had counted when it was taken out, found by its id; kept until the controller has booked it.
struct kp_ended {
    __u64 packets;
    __u64 bytes;
    __u64 time;                ///< seconds since 1970
    struct kp_address source;  ///< identity; the border's where the address outside is set. 0: the leaf did not say
    struct kp_address destination;
    struct kp_address outside_source; ///< 0: there is none
    struct kp_address outside_destination;
    __u32 role;                ///< enum kp_role
    __u32 pad;
};

enum kp_account_act {
    KP_ACCOUNT_COUNT,   ///< adds the packets and bytes of `ended`: the leaf has sent them itself
    KP_ACCOUNT_END,     ///< takes the wire out
    KP_ACCOUNT_REPLACE, ///< puts another one in its place
};

/// What the program answers.
enum kp_account_answer {
    KP_ACCOUNT_ABSENT,  ///< there is no such wire
    KP_ACCOUNT_DONE,
    KP_ACCOUNT_NO_ROOM, ///< done, but there was no room to keep what it had counted
    KP_ACCOUNT_FAILED,  ///< nothing was changed
};

struct kp_account_request {
    __u32 act;          ///< enum kp_account_act
    __u32 is_receive;
    struct kp_wire_key wire;
    struct kp_receive_key receive;
    struct kp_ended ended;     ///< what was counted is filled in
    struct kp_wire new_wire;
    struct kp_receive new_receive;
};

_Static_assert(sizeof(struct kp_address) == 16, "kp_address");
_Static_assert(sizeof(struct kp_ended) == 96, "kp_ended");
_Static_assert(sizeof(struct kp_account_request) == 232, "kp_account_request");
_Static_assert(sizeof(struct kp_config) == 120, "kp_config");
_Static_assert(sizeof(struct kp_port) == 72 + 8 * KP_DROPS, "kp_port");
_Static_assert(sizeof(struct kp_wire_key) == 20, "kp_wire_key");
_Static_assert(sizeof(struct kp_outside_key) == 36, "kp_outside_key");
_Static_assert(sizeof(struct kp_wire) == 40, "kp_wire");
_Static_assert(sizeof(struct kp_peer) == 40, "kp_peer");
_Static_assert(sizeof(struct kp_receive_key) == 20, "kp_receive_key");
_Static_assert(sizeof(struct kp_receive) == 48, "kp_receive");
_Static_assert(sizeof(struct kp_denied) == 16, "kp_denied");
_Static_assert(sizeof(struct kp_punt) == 8, "kp_punt");
_Static_assert(sizeof(struct kp_pair) == 16, "kp_pair");
_Static_assert(sizeof(struct kp_action) == 12, "kp_action");
_Static_assert(sizeof(struct kp_flow_rules) == 24, "kp_flow_rules");
_Static_assert(sizeof(struct kp_segment) == 16, "kp_segment");
_Static_assert(sizeof(struct kp_flow_key) == 12, "kp_flow_key");
_Static_assert(sizeof(struct kp_flow) == 32, "kp_flow");
_Static_assert(sizeof(struct kp_event) == 32, "kp_event");
_Static_assert(sizeof(struct kp_trace) == 104, "kp_trace");
_Static_assert(sizeof(struct kp_step) == 24, "kp_step");
_Static_assert(sizeof(struct kp_class) == 16, "kp_class");
_Static_assert(sizeof(struct kp_pair_request) == 48, "kp_pair_request");

#ifndef __bpf__
// MARK: Memory shared with the programs

/// Publishes a word: what was written before it is seen by whoever sees the word.
static inline void kp_publish(__u64 *word, __u64 value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
static inline __u64 kp_published(const __u64 *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
#endif

// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// What a packet says of the flow that it belongs to.
#pragma once

enum packet_kind {
    PACKET_PORTS,  ///< TCP, UDP, SCTP
    PACKET_ECHO,   ///< an ICMP question with an identifier
    PACKET_REPLY,  ///< the answer to one
    PACKET_ERROR,  ///< an ICMP error, which quotes a packet
    PACKET_SINGLE, ///< any other ICMP: neither begins a flow nor answers one
    PACKET_OTHER,  ///< no ports: another protocol, or a fragment
};

#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16

struct packet {
    __u32 asked;       ///< key number in the rules of the flow that it would begin, or KP_NO_NUMBER
    __u32 answered;    ///< and of the flow that it would answer
    __u32 transport;   ///< where the header behind IP begins
    __u16 source;      ///< port, or identifier
    __u16 destination; ///< port; for PACKET_ECHO and PACKET_REPLY the type of the question
    __u8 protocol;
    __u8 is_ipv6;
    __u8 kind;         ///< enum packet_kind
    __u8 flags;        ///< of TCP
};

/// The common case, without a call: TCP or UDP behind an IPv4 header without options that is no fragment's, or behind an
/// IPv6 header, with all that is asked for in reach. False: it is something else, or wrong; read_packet() says what.
static __always_inline bool read_plain(struct __sk_buff *skb, __u32 is_ipv6, struct packet *packet) {
    void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    __u32 at = is_ipv6 ? IPV6_PAYLOAD_AT : ETH_HLEN + sizeof(struct iphdr), length, protocol, index = KP_UDP;
    __u8 *head = data + at, flags = 0;
    if ((void *)(head + 8) > end) return false;
    if (is_ipv6) {
        struct ipv6hdr *ip = data + ETH_HLEN;
        if (ip->version != 6) return false;
        protocol = ip->nexthdr;
        length = bpf_ntohs(ip->payload_len);
    } else {
        struct iphdr *ip = data + ETH_HLEN;
        if (*(__u8 *)ip != 0x45 || ip->frag_off & (IPV4_FRAGMENT | IPV4_MORE)) return false;
        protocol = ip->protocol;
        length = bpf_ntohs(ip->tot_len);
        if (length < sizeof *ip) return false;
        length -= sizeof *ip;
    }
    if (protocol == IPPROTO_TCP) {
        if ((void *)(head + 20) > end) return false;
        __u32 size = (head[12] >> 4) * 4;
        if (size < 20 || size > length) return false;
        flags = head[13];
        index = KP_TCP;
    } else if (protocol != IPPROTO_UDP || length < 8) {
        return false;
    }
    packet->source = bpf_ntohs(*(__be16 *)head);
    packet->destination = bpf_ntohs(*(__be16 *)(head + 2));
    packet->asked = KP_NUMBER(index, packet->destination);
    packet->answered = KP_NUMBER(index, packet->source);
    packet->transport = at;
    packet->protocol = protocol;
    packet->is_ipv6 = is_ipv6 != 0;
    packet->kind = PACKET_PORTS;
    packet->flags = flags;
    return true;
}

/// A fragment that the ports are not in, or a protocol that has none. No segment of rules is ever about it.
static __always_inline __u32 portless(struct packet *packet, __u8 protocol) {
    packet->protocol = protocol;
    packet->kind = PACKET_OTHER;
    packet->asked = packet->answered = KP_NO_NUMBER;
    return 0;
}

/// What stands behind the IP header or the last extension header. `quoted`: of the packet in an ICMP error, of which
/// only the first eight bytes behind IP are sure to be there (RFC 792).
static __always_inline __u32 read_transport(
    struct __sk_buff *skb, __u32 at, __u32 end, __u8 protocol, bool is_fragment, bool quoted, struct packet *packet) {
    union {
        __be16 words[4];
        __u8 bytes[8];
    } head;
    __u32 index, needed = 8;

    switch (protocol) {
    case IPPROTO_TCP: index = KP_TCP, needed = 20; break;
    case IPPROTO_UDP: index = KP_UDP; break;
    case IPPROTO_SCTP: index = KP_SCTP, needed = 12; break;
    case IPPROTO_ICMP:
        if (packet->is_ipv6) return portless(packet, protocol);
        index = KP_ICMP;
        break;
    case IPPROTO_ICMPV6:
        if (!packet->is_ipv6) return portless(packet, protocol);
        index = KP_ICMPV6;
        break;
    default: return portless(packet, protocol);
    }
    if (quoted) needed = 8;
    if (at + needed > end) return is_fragment ? portless(packet, protocol) : KP_DROP_MALFORMED;
    if (bpf_skb_load_bytes(skb, at, &head, sizeof head)) return KP_DROP_MALFORMED;
    packet->protocol = protocol;
    packet->transport = at;

    if (index >= KP_ICMP) {
        __u32 type = head.bytes[0], question = type, kind = PACKET_SINGLE;
        if (index == KP_ICMP) {
            if (type == 8 || type == 13) kind = PACKET_ECHO;
            if (type == 0) kind = PACKET_REPLY, question = 8;
            if (type == 14) kind = PACKET_REPLY, question = 13;
            if (type == 3 || type == 11 || type == 12) kind = PACKET_ERROR;
        } else {
            if (type == 128) kind = PACKET_ECHO;
            if (type == 129) kind = PACKET_REPLY, question = 128;
            if (type >= 1 && type <= 4) kind = PACKET_ERROR;
        }
        packet->kind = kind;
        packet->source = bpf_ntohs(head.words[2]);
        packet->destination = question;
        packet->asked = KP_NUMBER(index, type << 8 | head.bytes[1]);
        packet->answered = KP_NUMBER(index, question << 8);
        return 0;
    }
    packet->kind = PACKET_PORTS;
    packet->source = bpf_ntohs(head.words[0]);
    packet->destination = bpf_ntohs(head.words[1]);
    packet->asked = KP_NUMBER(index, packet->destination);
    packet->answered = KP_NUMBER(index, packet->source);
    if (index == KP_TCP && !quoted) {
        __u8 tail[2];
        if (bpf_skb_load_bytes(skb, at + 12, tail, sizeof tail)) return KP_DROP_MALFORMED;
        __u32 length = (tail[0] >> 4) * 4;
        if (length < 20) return KP_DROP_MALFORMED;
        if (at + length > end) return is_fragment ? portless(packet, protocol) : KP_DROP_MALFORMED;
        packet->flags = tail[1];
    }
    return 0;
}

/// Reads an IP packet at an offset. Returns 0, or the reason to drop it.
/// Not static, as all that is large: the verifier then reads it once and not at each call.
__noinline __u32 read_packet(struct __sk_buff *skb, __u32 at, __u32 is_ipv6, __u32 quoted, struct packet *packet) {
    if (!packet) return KP_DROP_MALFORMED;
    packet->is_ipv6 = is_ipv6 != 0;
    packet->flags = 0;
    packet->source = packet->destination = 0;
    packet->transport = 0;
    if (!is_ipv6) {
        struct iphdr ip;
        if (bpf_skb_load_bytes(skb, at, &ip, sizeof ip)) return KP_DROP_MALFORMED;
        __u32 header = ip.ihl * 4, total = bpf_ntohs(ip.tot_len), fragment = bpf_ntohs(ip.frag_off);
        // A super-packet of more than 64 KiB has no length in its header.
        if (!total && skb->gso_size) total = skb->len - at;
        if (ip.version != 4 || header < sizeof ip || total < header) return KP_DROP_MALFORMED;
        if (fragment & 0x1fff) return portless(packet, ip.protocol);
        return read_transport(skb, at + header, at + total, ip.protocol, fragment & 0x2000, quoted != 0, packet);
    }

    struct ipv6hdr ip;
    if (bpf_skb_load_bytes(skb, at, &ip, sizeof ip)) return KP_DROP_MALFORMED;
    __u32 total = bpf_ntohs(ip.payload_len) + sizeof ip;
    if (!ip.payload_len && skb->gso_size) total = skb->len - at;
    if (ip.version != 6) return KP_DROP_MALFORMED;
    __u32 end = at + total, next = ip.nexthdr;
    bool is_fragment = false;
    at += sizeof ip;
    for (int i = 0; i <= KP_MOST_EXTENSIONS; i++) {
        __u8 header[4];
        __u32 length;
        // RFC 8200, section 4; AH: RFC 4302, section 2.2.
        if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS && next != IPPROTO_AH
            && next != IPPROTO_FRAGMENT)
            return read_transport(skb, at, end, next, is_fragment, quoted != 0, packet);
        if (bpf_skb_load_bytes(skb, at, header, sizeof header)) return KP_DROP_HEADERS;
        length = next == IPPROTO_FRAGMENT ? 8 : next == IPPROTO_AH ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
        if (at + length > end) return KP_DROP_HEADERS;
        if (next == IPPROTO_FRAGMENT) {
            if (header[2] || header[3] & 0xf8) return portless(packet, header[0]);
            is_fragment |= header[3] & 1;
        }
        next = header[0];
        at += length;
    }
    return KP_DROP_HEADERS;
}

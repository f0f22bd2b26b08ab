// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// What the rules of a pair say to a packet.
#pragma once

/// The place of the last of some segments that begins at or before a number; the first one begins at 0.
/// Not static: the verifier then reads it once, for any numbers.
__noinline __u32 find_segment(__u32 first, __u32 count, __u32 number) {
    __u32 low = 0, high = count;
    for (int i = 0; i < KP_SEARCH_STEPS; i++) {
        if (high - low <= 1) break;
        __u32 middle = (low + high) / 2, place = first + middle;
        struct kp_segment *segment = bpf_map_lookup_elem(&segments, &place);
        if (!segment) return ~0u;
        if (segment->start <= number)
            low = middle;
        else
            high = middle;
    }
    return first + low;
}

/// What the flow rules of a number say to a key number; NULL: there are none, and nothing passes.
static __always_inline struct kp_action *find_action(__u32 flow_rules, __u32 number) {
    struct kp_flow_rules *found = bpf_map_lookup_elem(&rules, &flow_rules);
    if (!found) return NULL;
    if (!found->count || number == KP_NO_NUMBER) return &found->otherwise;
    __u32 place = find_segment(found->first, found->count, number);
    struct kp_segment *segment = bpf_map_lookup_elem(&segments, &place);
    return segment ? &segment->action : NULL;
}

/// Whether a flow that began may go on: its own rules still pass it, and what comes back.
static __always_inline bool goes_on(const struct kp_action *action) {
    return action && action->verdict == KP_PASS && action->flags & KP_ACTION_ANSWERS;
}

/// Counts a packet for the rule that decided, and for one that is only tried.
static __noinline void count_rule(struct __sk_buff *skb, const struct kp_action *action) {
    __u32 rule = action->rule, tried = action->dry_run;
    struct kp_rule_count *count;
    if (rule && (count = bpf_map_lookup_elem(&rule_counts, &rule))) {
        __u64 packets = packets_of(skb);
        if (action->verdict == KP_PASS) {
            count->packets += packets;
            count->bytes += skb->len - ETH_HLEN;
        } else {
            count->drops += packets;
        }
    }
    if (tried && (count = bpf_map_lookup_elem(&rule_counts, &tried))) count->dry_runs += packets_of(skb);
}

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

/// What the flow rules of a number say to a key number; NULL: there are none, and nothing passes. The hint is where it
/// was found for the flow's last packet. It is looked at first, and believed only if the number is in that segment, so
/// it may be of other rules by now; NULL: there is none.
static __always_inline struct kp_action *find_action(__u32 flow_rules, __u32 number, __u16 *hint) {
    struct kp_flow_rules *found = bpf_map_lookup_elem(&rules, &flow_rules);
    if (!found) return NULL;
    __u32 count = found->count, first = found->first;
    if (!count || number == KP_NO_NUMBER) return &found->otherwise;
    if (hint) {
        __u32 place = first + *hint, next = place + 1;
        if (next - first <= count) {
            struct kp_segment *segment = bpf_map_lookup_elem(&segments, &place);
            struct kp_segment *following = bpf_map_lookup_elem(&segments, &next);
            if (segment && segment->start <= number
                && (next - first == count || (following && following->start > number)))
                return &segment->action;
        }
    }
    __u32 place = find_segment(first, count, number);
    if (hint) *hint = place - first;
    struct kp_segment *segment = bpf_map_lookup_elem(&segments, &place);
    return segment ? &segment->action : NULL;
}

/// Whether a flow that began may go on: its own rules still pass it, and what comes back.
static __always_inline bool goes_on(const struct kp_action *action) {
    return action && action->verdict == KP_PASS && action->flags & KP_ACTION_ANSWERS;
}

/// The counters of a rule's place in the row of this processor.
static __always_inline struct kp_rule_count *count_at(const struct kp_config *host, __u32 place) {
    place += (bpf_get_smp_processor_id() & host->rule_rows) * host->rule_room;
    return bpf_map_lookup_elem(&rule_counts, &place);
}

/// Counts; atomically only where it has to be, which costs more than all the rest.
#define COUNT(counter, more)                                                                                  \
    ({                                                                                                        \
        if (host->rules_shared)                                                                               \
            __sync_fetch_and_add(&(counter), more);                                                           \
        else                                                                                                  \
            (counter) += (more);                                                                              \
    })

/// Counts packets for the rule that decided, and for one that is only tried.
static __always_inline void count_rules(
    struct __sk_buff *skb, const struct kp_config *host, const struct kp_action *action, __u64 packets) {
    struct kp_rule_count *count;
    if (action->rule && (count = count_at(host, action->rule))) {
        if (action->verdict == KP_PASS) {
            COUNT(count->packets, packets);
            COUNT(count->bytes, skb->len - ETH_HLEN);
        } else {
            COUNT(count->drops, packets);
        }
    }
    if (action->dry_run && (count = count_at(host, action->dry_run))) COUNT(count->dry_runs, packets);
}

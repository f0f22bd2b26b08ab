// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// Telling the leaf of flows whose action is logged. A packet never waits for it: what does not fit is counted.
#pragma once

/// How long a flow without an entry is not told of again: a refused SYN is repeated for longer than this.
#define TOLD_NS 10000000000ull

static __noinline void tell_event(
    const struct kp_flow_key *key, const struct kp_action *action, __u32 side, __u32 number, __u64 now) {
    struct kp_event_budget *budget = bpf_map_lookup_elem(&event_budgets, &(__u32){0});
    struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});
    if (!budget || !host) return;
    if (!within(&budget->time, now, host->event_interval, host->event_burst)) {
        budget->lost++;
        return;
    }
    struct kp_event *event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
    if (!event) {
        budget->lost++;
        return;
    }
    event->time = now;
    event->flow = *key;
    event->rule = number_of(action->rule);
    event->dry_run = number_of(action->dry_run);
    event->side = side;
    event->verdict = action->verdict;
    event->number = number;
    bpf_ringbuf_submit(event, 0);
}

/// Tells of a flow that has no entry, if that was not done a short while ago.
static __noinline void tell_once(
    const struct kp_flow_key *key, const struct kp_action *action, __u32 side, __u32 number, __u64 now) {
    __u64 *last = bpf_map_lookup_elem(&told, key);
    if (last && (__s64)(now - *last) < (__s64)TOLD_NS) return;
    bpf_map_update_elem(&told, key, &now, BPF_ANY);
    tell_event(key, action, side, number, now);
}

// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0)
//
// Following marked packets: a program that meets one tells what became of it. With nobody to follow that costs each
// program a look at one word of the host's configuration.
//
// What a program's part returns has, above the byte of TC_ACT_, why it was dropped or that it was shaped; end_trace takes
// that off again.
#pragma once

/// The number of the rule that has a place.
static __always_inline __u32 number_of(__u32 place) {
    __u64 *number = bpf_map_lookup_elem(&rule_numbers, &place);
    return number ? *number : 0;
}

#define RESULT_DROPPED 0x100  ///< the reason stands above it
#define RESULT_SHAPED 0x200
#define RESULT_REASON 16

/// The number of the trace that a packet belongs to, whose IP header is at an offset, from 1 on; 0: of none.
static __noinline __u32 match_trace(struct __sk_buff *skb, __u32 at, __u32 followed) {
    __u32 words[KP_TRACE_WORDS] = {};
    __u64 now = bpf_ktime_get_ns();
    struct kp_trace_note *note = bpf_map_lookup_elem(&trace_notes, &(__u32){0});
    if (!note || bpf_skb_load_bytes(skb, at, words, 24)) return 0;
    // A packet that ends here leaves them zero.
    bpf_skb_load_bytes(skb, at + 24, words + 6, sizeof words - 24);
    for (__u32 index = 0; index < KP_TRACES; index++) {
        __u32 place = index, other = 0;
        if (!(followed >> index & 1)) continue;
        struct kp_trace *trace = bpf_map_lookup_elem(&traces, &place);
        if (!trace || now >= trace->until) continue;
        for (int i = 0; i < KP_TRACE_WORDS; i++) other |= (words[i] ^ trace->words[i]) & trace->masks[i];
        if (other) continue;
        note->decided = 0;
        return index + 1;
    }
    return 0;
}

static __always_inline __u32 begin_trace(struct __sk_buff *skb, __u32 at) {
    struct kp_config *host = bpf_map_lookup_elem(&config, &(__u32){0});
    return host && host->traces ? match_trace(skb, at, host->traces) : 0;
}

/// Keeps what the rules say to the packet that this processor is about.
static __noinline void note_rule(const struct kp_action *action, bool passes) {
    struct kp_trace_note *note = bpf_map_lookup_elem(&trace_notes, &(__u32){0});
    if (!note || !action) return;
    note->rule = action->rule;
    note->dry_run = action->dry_run;
    note->decided = passes ? KP_DECIDED_PASS : KP_DECIDED_DROP;
}

static __noinline void tell_step(__u32 trace, __u32 place, int result) {
    __u32 index = trace - 1;
    struct kp_trace_note *note = bpf_map_lookup_elem(&trace_notes, &(__u32){0});
    struct kp_trace *found = bpf_map_lookup_elem(&traces, &index);
    if (!found || !note) return;
    // The budget: whoever guesses the mark can fill these few, and nothing else.
    __u32 number = __sync_fetch_and_add(&found->told, 1);
    if (number >= KP_TRACE_STEPS) return;
    number += index * KP_TRACE_STEPS;
    struct kp_step *step = bpf_map_lookup_elem(&trace_steps, &number);
    if (!step) return;
    step->place = place;
    step->action = result;
    step->is_shaped = result > 0 && result & RESULT_SHAPED;
    step->reason = result > 0 && result & RESULT_DROPPED ? result >> RESULT_REASON : KP_DROPS;
    step->decided = note->decided;
    step->rule = number_of(note->rule);
    step->dry_run = number_of(note->dry_run);
    // Last: a step without a time is not there yet.
    *(volatile __u64 *)&step->time = bpf_ktime_get_ns();
}

/// What the program returns to the kernel.
static __always_inline int end_trace(__u32 trace, __u32 place, int result) {
    if (trace) tell_step(trace, place, result);
    return result > 0 ? result & 0xff : result;
}

internal import CKernelPath
internal import CLibbpf
internal import CLinux
internal import Glibc
internal import Synchronization

/// What is told of a flow whose action is logged: once when it begins, or when its first packet is dropped.
public struct FlowEvent: Hashable, Sendable {
    /// CLOCK_MONOTONIC in nanoseconds.
    public let time: UInt64
    /// The pair's number on this host; ``DataPath/ends(of:)`` has its ends.
    public let pair: UInt32
    /// Whether the end with the lower identity sent the packet.
    public let isFromLow: Bool
    public let isIPv6: Bool
    /// The IP protocol number.
    public let protocolNumber: UInt8
    /// The source and the destination port of the packet; for ICMP 0, and `type << 8 | code`; nil where there are none.
    public let ports: Ports?
    public let verdict: FlowAction.Verdict
    /// The rule that decided, and one that was only tried and would have decided otherwise; 0 for none.
    public let rule: UInt32
    public let dryRun: UInt32

    /// The ports of a packet.
    public struct Ports: Hashable, Sendable {
        public let source: UInt16
        public let destination: UInt16

        public init(source: UInt16, destination: UInt16) {
            self.source = source
            self.destination = destination
        }
    }
}

/// The thread that reads the ring of flow events, and the bounded queue that it fills. Packets never wait for it: the
/// kernel counts what finds no place in the ring, this class what finds none in the queue.
final class FlowEventReader: Sendable {
    /// The events, oldest first.
    let stream: AsyncStream<FlowEvent>
    private let worker: EventWorker
    private let thread: Mutex<pthread_t?>

    /// How many events wait for their reader at most.
    static let capacity = 16_384

    /// Starts reading; takes over the descriptor.
    init(ring descriptor: Int32) throws(DataPathError) {
        let (stream, continuation) = AsyncStream.makeStream(
            of: FlowEvent.self, bufferingPolicy: .bufferingOldest(Self.capacity))
        self.stream = stream
        worker = EventWorker(descriptor, continuation)
        let context = unsafe Unmanaged.passRetained(worker)
        var thread = pthread_t()
        let failed = unsafe pthread_create(
            &thread, nil,
            { argument in
                if let argument = unsafe argument {
                    unsafe Unmanaged<EventWorker>.fromOpaque(argument).takeRetainedValue().run()
                }
                return nil
            }, context.toOpaque())
        self.thread = Mutex(thread)
        guard failed == 0 else {
            unsafe context.release()
            self.thread.withLock { $0 = nil }
            throw .system(-failed, "the thread that reads flow events")
        }
    }

    /// Events that the reader of the stream was too slow for.
    var overflow: UInt64 { worker.overflow.load(ordering: .relaxed) }

    /// Stops the thread and ends the stream.
    func stop() {
        worker.isStopping.store(true, ordering: .relaxed)
        thread.withLock { thread in
            if let running = thread { pthread_join(running, nil) }
            thread = nil
        }
    }

    deinit { stop() }
}

/// What the thread owns.
private final class EventWorker: Sendable {
    let isStopping = Atomic(false)
    let overflow = Atomic<UInt64>(0)
    private let descriptor: Int32
    private let continuation: AsyncStream<FlowEvent>.Continuation

    init(_ descriptor: Int32, _ continuation: AsyncStream<FlowEvent>.Continuation) {
        self.descriptor = descriptor
        self.continuation = continuation
    }

    func run() {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let ring = unsafe ring_buffer__new(
            descriptor,
            { context, data, size in
                if let context = unsafe context, let data = unsafe data, size >= MemoryLayout<kp_event>.size {
                    let worker = unsafe Unmanaged<EventWorker>.fromOpaque(context).takeUnretainedValue()
                    worker.take(unsafe data.loadUnaligned(as: kp_event.self))
                }
                return 0
            }, context, nil)
        // Without memory for it there are no events; the ring fills, and the kernel counts that.
        while unsafe ring != nil, !isStopping.load(ordering: .relaxed) {
            if unsafe ring_buffer__poll(ring, 100) < 0 { usleep(1000) }
        }
        unsafe ring_buffer__free(ring)
        _ = cl_close(descriptor)
        continuation.finish()
    }

    private func take(_ event: kp_event) {
        if case .dropped = continuation.yield(FlowEvent(event)) { overflow.add(1, ordering: .relaxed) }
    }
}

extension FlowEvent {
    fileprivate init(_ event: kp_event) {
        time = event.time
        pair = event.flow.pair
        isFromLow = event.side == 0
        isIPv6 = Int32(event.flow.family) & KP_FLOW_IPV6 != 0
        protocolNumber = event.flow.protocol
        if Int32(event.flow.family) & KP_FLOW_PORTLESS != 0 {
            ports = nil
        } else if event.flow.protocol == 1 || event.flow.protocol == 58 {
            ports = Ports(source: 0, destination: event.number)
        } else {
            let (low, high) = (event.flow.low_port, event.flow.high_port)
            ports = event.side == 0 ? Ports(source: low, destination: high) : Ports(source: high, destination: low)
        }
        verdict = FlowAction.Verdict(rawValue: event.verdict) ?? .drop
        rule = event.rule
        dryRun = event.dry_run
    }
}

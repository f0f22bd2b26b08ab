internal import CKernelPath
internal import CLibbpf
internal import CLinux
internal import Glibc
internal import Synchronization

/// The thread that reads the ring of frames for the leaf, and the bounded queue that it fills.
final class PuntReader: Sendable {
    /// The frames, oldest first; what does not fit is dropped and counted.
    let stream: AsyncStream<Punt>
    private let worker: Worker
    private let thread: Mutex<pthread_t?>

    /// How many frames wait for the leaf at most.
    static let capacity = 4096

    /// Starts reading; takes over the descriptor.
    init(ring descriptor: Int32) throws(DataPathError) {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Punt.self, bufferingPolicy: .bufferingOldest(Self.capacity))
        self.stream = stream
        worker = Worker(descriptor, continuation)
        let context = unsafe Unmanaged.passRetained(worker)
        var thread = pthread_t()
        let failed = unsafe pthread_create(
            &thread, nil,
            { argument in
                if let argument = unsafe argument {
                    unsafe Unmanaged<Worker>.fromOpaque(argument).takeRetainedValue().run()
                }
                return nil
            }, context.toOpaque())
        self.thread = Mutex(thread)
        guard failed == 0 else {
            unsafe context.release()
            self.thread.withLock { $0 = nil }
            throw .system(-failed, "the thread that reads punts")
        }
    }

    /// Frames that the leaf was too slow for.
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
private final class Worker: Sendable {
    let isStopping = Atomic(false)
    let overflow = Atomic<UInt64>(0)
    private let descriptor: Int32
    private let continuation: AsyncStream<Punt>.Continuation

    init(_ descriptor: Int32, _ continuation: AsyncStream<Punt>.Continuation) {
        self.descriptor = descriptor
        self.continuation = continuation
    }

    func run() {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let ring = unsafe ring_buffer__new(
            descriptor,
            { context, data, size in
                if let context = unsafe context, let data = unsafe data {
                    let worker = unsafe Unmanaged<Worker>.fromOpaque(context).takeUnretainedValue()
                    unsafe worker.take(UnsafeRawBufferPointer(start: data, count: size))
                }
                return 0
            }, context, nil)
        // Without memory for it the leaf gets no punts; the ring fills, and the kernel counts that.
        while unsafe ring != nil, !isStopping.load(ordering: .relaxed) {
            if unsafe ring_buffer__poll(ring, 100) < 0 { usleep(1000) }
        }
        unsafe ring_buffer__free(ring)
        _ = cl_close(descriptor)
        continuation.finish()
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        let head = MemoryLayout<kp_punt>.size
        guard bytes.count >= head else { return }
        let record = unsafe bytes.loadUnaligned(as: kp_punt.self)
        guard let reason = Punt.Reason(rawValue: record.reason), bytes.count >= head + Int(record.length) else {
            return
        }
        let frame = unsafe [UInt8](bytes[head..<head + Int(record.length)])
        let result = continuation.yield(Punt(port: record.port, reason: reason, frame: frame))
        if case .dropped = result { overflow.add(1, ordering: .relaxed) }
    }
}

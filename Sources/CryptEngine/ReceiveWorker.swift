internal import AEAD
internal import ESP
internal import PacketIO

/// A receive thread: datagrams from its sockets, opened and joined, to its TAP queue.
///
/// The sockets are steered by SPI, so an association is always this thread's or never, and its window needs no lock.
struct ReceiveWorker {
    private let context: WorkerContext
    private var opener: Opener
    /// What former engines' threads counted, once the last of them has stopped.
    private var base = DropRow()
    private var own: InlineArray<8, UInt64> = .init(repeating: 0)

    private init(_ context: WorkerContext) {
        self.context = context
        opener = Opener(joinsTCP: true, joinsUDP: context.joinsUDP)
    }

    /// The thread's whole life: prepares, answers, waits for the start, and ends with the answer to `stop`.
    static func run<Cipher: PacketCipher & ~Copyable>(_ type: Cipher.Type, _ context: WorkerContext) {
        do {
            var cipher = try Cipher(capacity: context.table.capacity * TableLayout.queues)
            var inputs = try PacketMemory(byteCount: ESPLimits.burstBufferByteCount)
            var outputs = try PacketMemory(byteCount: ESPLimits.joinBufferByteCount)
            let table = QueueTable(context)
            for place in 0..<context.table.capacity where context.table.receiveRecords[place].isInstalled {
                for slot in table.slots(of: place) {
                    try context.table.receive.withElement(slot) { association throws(CipherError) in
                        guard association.spi != 0, let level = association.level else { return }
                        try cipher.install(slot, key: association.key, level: level)
                    }
                }
            }
            var worker = ReceiveWorker(context)
            inputs.withBytes { input in
                outputs.withBytes { output in
                    context.mailbox.answer()
                    worker.loop(&cipher, table, &input, &output)
                }
            }
        } catch {
            context.signals.failure.withLock { $0 = "\(error)" }
            context.mailbox.answer(failed: true)
        }
    }

    private mutating func loop<Cipher: PacketCipher & ~Copyable>(
        _ cipher: inout Cipher, _ queueTable: QueueTable, _ input: inout MutableSpan<UInt8>,
        _ output: inout MutableSpan<UInt8>
    ) {
        let mailbox = context.mailbox
        var table = queueTable
        var sink = TapSink(tap: context.devices.tap.port)
        let hasBoth = context.devices.receivePort4.isOpen && context.devices.receivePort6.isOpen
        var port = context.devices.receivePort4.isOpen ? context.devices.receivePort4 : context.devices.receivePort6
        var other = hasBoth ? context.devices.receivePort6 : .none
        var busy = BusyPoll(looks: context.busyPoll)
        var isRunning = false
        var misses = 0
        while true {
            // 1. Commands, with no packet in hand.
            if mailbox.hasCommand {
                opener.flush(output: &output, sink: &sink)
                guard perform(&cipher, table, sink, &isRunning) else { return }
            }
            guard isRunning else {
                _ = mailbox.wakeUp.wait(milliseconds: -1)
                continue
            }
            // 2. Receive: from each family in turn while there is something.
            var segment = 0
            switch port.receive(into: &input, segment: &segment) {
            case .bytes(let count):
                misses = 0
                busy.packetCame()
                opener.open(
                    input.span.extracting(0..<count), segmentByteCount: segment, table: &table, cipher: &cipher,
                    output: &output, sink: &sink)
            case .failed:
                own[EngineDrop.receiveFailed.rawValue] &+= 1
                misses &+= 1
            case .nothing: misses &+= 1
            }
            if hasBoth { swap(&port, &other) }
            // 3. Nothing anywhere: let go of what is pending, then wait.
            guard misses > (hasBoth ? 1 : 0) else { continue }
            misses = 0
            opener.flush(output: &output, sink: &sink)
            if busy.looksAgain() { continue }
            publish(sink)
            PacketWait.forDatagram(on: port, other, or: mailbox.wakeUp)
            busy.woke()
        }
    }

    private mutating func publish(_ sink: TapSink) {
        own[EngineDrop.deliverFailed.rawValue] = sink.failures
        context.table.drops.withElement(TableLayout.queues + context.queue) { $0.set(base, plus: own, opener.drops) }
    }

    /// Carries out a command; false ends the thread.
    private mutating func perform<Cipher: PacketCipher & ~Copyable>(
        _ cipher: inout Cipher, _ table: QueueTable, _ sink: TapSink, _ isRunning: inout Bool
    ) -> Bool {
        if isRunning { publish(sink) }
        let mailbox = context.mailbox
        switch mailbox.take() {
        case .stop:
            mailbox.answer()
            return false
        case .start:
            base = context.table.drops[TableLayout.queues + context.queue]
            isRunning = true
            mailbox.answer()
        case .installReceive(let place):
            var isInstalled = true
            for slot in table.slots(of: place) {
                context.table.receive.copy(context.table.stagedReceive, slot % TableLayout.queues, to: slot)
                context.table.receive.withElement(slot) { association in
                    guard association.spi != 0, let level = association.level else { return }
                    do {
                        try cipher.install(slot, key: association.key, level: level)
                    } catch {
                        isInstalled = false
                    }
                }
            }
            mailbox.answer(failed: !isInstalled)
        case .retireReceive(let place):
            for slot in table.slots(of: place) {
                cipher.remove(slot)
                context.table.receive.wipe(slot)
            }
            mailbox.answer()
        case .installTransmit, .changePath, .retireTransmit: mailbox.answer(failed: true)
        case nil: break
        }
        return true
    }
}

/// The associations of one receive thread: those of each group whose number, modulo the threads, is the thread's.
struct QueueTable: ReceiveTable, Sendable {
    private let associations: MemoryRegion<ReceiveAssociation>
    private let capacity: Int
    private let queues: Int
    private let queue: Int

    init(_ context: WorkerContext) {
        associations = context.table.receive
        capacity = context.table.capacity
        queues = context.table.queues
        queue = context.queue
    }

    /// The slots of a group that are this thread's.
    func slots(of place: Int) -> StrideTo<Int> {
        let first = place * TableLayout.queues
        return stride(from: first + queue, to: first + TableLayout.queues, by: queues)
    }

    @inline(__always)
    mutating func lookup(spi: UInt32) -> ReceiveLookup {
        let number = Int(spi) & (TableLayout.queues &- 1)
        guard number & (queues &- 1) == queue else { return .drop(.wrongQueue) }
        let slot = (Int(spi) / TableLayout.queues) % capacity &* TableLayout.queues &+ number
        guard associations.withElement(slot, { $0.spi == spi }) else { return .drop(.unknownSPI) }
        return .slot(slot)
    }

    @inline(__always)
    mutating func withAssociation<Result>(
        _ slot: Int, _ body: (inout ReceiveAssociation) -> Result
    ) -> Result {
        associations.withElement(slot, body)
    }
}

/// The TAP as the opener writes to it.
struct TapSink: FrameSink {
    let tap: TapPort
    /// Packets in frames that the kernel did not take.
    private(set) var failures: UInt64 = 0

    init(tap: TapPort) { self.tap = tap }

    @inline(__always)
    mutating func deliver(_ frame: Span<UInt8>, slot: Int, packets: Int) {
        if tap.write(frame) != 0 { failures &+= UInt64(packets) }
    }
}

import GRPCCore
import KernelPath
import LeafProtocol
import NetTypes
import Plugging
import Trust

/// What time brings: idle wires go, records and certificates are renewed.
extension LeafAgent {
    /// Removes idle wires, again and again until the task is cancelled.
    func sweepIdleWires() async {
        let interval = Duration.milliseconds(max(200, configuration.idleSeconds * 250))
        while !Task.isCancelled {
            try? await Task.sleep(for: interval)
            noteActivity()
            removeIdle()
            await verifyExpired()
            forgetOutside()
            forgetUnwired(before: now() + -LeafLimits.flowSeconds)
            interrupted = interrupted.filter { now() - $0.value < LeafLimits.interruptionSeconds }
        }
    }

    /// Reads the kernel's counters into the ledger.
    private func noteActivity() {
        let moment = now()
        let counted = countedWires()
        for (pair, counters) in counted.sends {
            guard counters.packets != wires.sends[pair]?.packets else { continue }
            wires.update(pair) { ($0.packets, $0.activeAt) = (counters.packets, moment) }
            // Where the kernel looks at flows, it is they that are noted.
            if bindings[pair.ends] == nil {
                seen.note(SeenFlows.Key(pair: pair, passed: true), at: moment)
            }
        }
        for (label, counters) in counted.receives {
            wires.update(label) {
                if counters.packets != $0.packets { ($0.packets, $0.activeAt) = (counters.packets, moment) }
            }
        }
    }

    /// Takes out pairs that were silent in both directions for the whole idle time.
    private func removeIdle() {
        let horizon = now() + -Int64(configuration.idleSeconds)
        func isSilent(_ pair: Pair) -> Bool {
            (wires.sends[pair].map { $0.activeAt <= horizon } ?? true)
                && wires.labels(of: pair).allSatisfy { wires.receives[$0].map { $0.activeAt <= horizon } ?? true }
        }
        for pair in wires.pairs where isSilent(pair) && isSilent(pair.reversed) {
            logger.debug("idle", metadata: ["pair": "\(pair)"])
            // First nothing is sent any more, then the other end is told, and the labels go last.
            removeSend(pair, telling: "idle")
            let received = wires.labels(of: pair)
            Task {
                try? await Task.sleep(for: LeafLimits.labelGrace * 2)
                received.forEach(self.stopReceiving)
            }
        }
    }

    /// Looks after ports whose devices have gone or could not be made, until the task is cancelled.
    func mend() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: LeafLimits.mendInterval)
            await mendPorts()
        }
    }

    /// Renews records and certificates in the background until the task is cancelled.
    func renew() async {
        var leafDue = leafRenewal()
        while !Task.isCancelled {
            let due = ports.values.map(\.renewal.next).min() ?? leafDue
            let pause = min(max(min(due, leafDue) - now(), 1), LeafLimits.renewalInterval)
            try? await Task.sleep(for: .seconds(pause))
            for identity in Array(ports.keys) { await renewIfDue(identity) }
            if leafDue <= now() {
                await renewLeaf()
                leafDue = leafRenewal()
            }
        }
    }

    private func renewIfDue(_ identity: Identity) async {
        guard let port = ports[identity] else { return }
        guard port.facts != nil else { return await certify(identity) }
        let began = now()
        guard port.renewal.next <= began else { return }
        if port.renewal.certificate <= began { await certify(identity) } else { await republish(identity) }
        // One that could not be renewed is tried again before it ends, and not without a pause.
        guard let after = ports[identity], after.renewal.next <= began, let verified = after.verified else { return }
        let left = min(verified.certificateNotAfter, verified.recordNotAfter) - began
        let again = began + max(LeafLimits.renewalPause, left / 8)
        ports[identity]?.renewal.certificate = max(after.renewal.certificate, again)
        ports[identity]?.renewal.record = max(after.renewal.record, again)
    }

    /// When the certificate of the leaf itself is to be renewed: when a third of what it has to live is left.
    private func leafRenewal() -> Timestamp {
        let soon = now() + LeafLimits.renewalInterval
        guard let saved = try? state.membership(),
            let summary = try? CertificateSummary(parsing: Array(saved.certificate))
        else { return soon }
        let left = summary.notAfter - now()
        return left > 0 ? now() + max(left * 2 / 3, LeafLimits.renewalPause) : soon
    }

    /// Asks for a new certificate of the leaf itself, for the same key, before the present one ends.
    private func renewLeaf() async {
        do {
            guard var saved = try state.membership(),
                let key = try state.keys.load(LeafStateDirectory.leafKeyName)
            else { return }
            var request = Patchbay_Leaf_V1_RenewLeafRequest()
            request.signingRequest = .init(try SigningRequest(key: key).der)
            var options = CallOptions.defaults
            options.timeout = LeafLimits.issueTimeout
            let response = try await controller.client().renewLeaf(request, options: options)
            saved.certificate = response.certificate
            try state.save(saved)
            try credentials.replace(certificate: Array(response.certificate), keyPEM: key.pem)
            // A session shows the certificate that it began with, and is refused when that one ends.
            await peers.beginAnew()
            logger.notice("leaf certificate renewed")
        } catch {
            logger.warning("leaf certificate not renewed", metadata: ["error": "\(error)"])
        }
    }
}

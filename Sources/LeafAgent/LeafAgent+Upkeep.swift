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
            interrupted = interrupted.filter { now() - $0.value < LeafLimits.interruptionSeconds }
        }
    }

    /// Reads the kernel's counters into the ledger.
    private func noteActivity() {
        let moment = now()
        let counted = countedWires()
        for (pair, counters) in counted.sends {
            wires.update(pair) {
                if counters.packets != $0.packets { ($0.packets, $0.activeAt) = (counters.packets, moment) }
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
        while !Task.isCancelled {
            try? await Task.sleep(for: LeafLimits.renewalInterval)
            for identity in ports.keys { await renewIfDue(identity) }
            await renewLeafIfDue()
        }
    }

    private func renewIfDue(_ identity: Identity) async {
        guard let port = ports[identity], let verified = port.verified else {
            await publishIfUnpublished(identity)
            return
        }
        let left = verified.certificateNotAfter - now()
        if left < TrustLimits.endpointLifetime / LeafLimits.certificateRenewalFraction {
            await certify(identity)
        } else if verified.recordNotAfter - now() < TrustLimits.recordLifetime / 2 {
            await republish(identity)
        }
    }

    private func publishIfUnpublished(_ identity: Identity) async {
        if ports[identity] != nil { await certify(identity) }
    }

    /// Asks for a new certificate of the leaf itself, for the same key, before the present one ends.
    private func renewLeafIfDue() async {
        do {
            guard var saved = try state.membership(),
                let key = try state.keys.load(LeafStateDirectory.leafKeyName)
            else { return }
            let present = await membership.anchor.verify(
                leaf: Array(saved.certificate), at: now(), revocations: revocations)
            // One that no longer holds is renewed too, if the controller still lets the session live.
            if case .success(let leaf) = present,
                leaf.notAfter - now() >= TrustLimits.leafLifetime / LeafLimits.certificateRenewalFraction
            {
                return
            }
            var request = Patchbay_Leaf_V1_RenewLeafRequest()
            request.signingRequest = .init(try SigningRequest(key: key).der)
            var options = CallOptions.defaults
            options.timeout = LeafLimits.issueTimeout
            let response = try await controller.client().renewLeaf(request, options: options)
            saved.certificate = response.certificate
            try state.save(saved)
            try credentials.replace(certificate: Array(response.certificate), keyPEM: key.pem)
            logger.notice("leaf certificate renewed")
        } catch {
            logger.warning("leaf certificate not renewed", metadata: ["error": "\(error)"])
        }
    }
}

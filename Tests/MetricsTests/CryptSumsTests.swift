import CryptProtocol
import PrometheusMetrics
import Testing

@testable import CryptClient

/// Sums over groups of keys that come and go.
@Suite struct CryptSumsTests {
    private func group(_ place: UInt32, _ spiBase: UInt32, packets: UInt64, forged: UInt64 = 0) -> GroupCounters {
        GroupCounters(
            place: place, slot: place, spiBase: spiBase, protection: .conf, queues: 1, packets: packets,
            bytes: packets * 100, forged: forged)
    }

    private func value(_ samples: [MetricSample], _ name: String, _ labels: [String]) -> Double? {
        samples.first { $0.name == name && $0.labels == labels }?.value
    }

    @Test func sumsNeverShrink() {
        var sums = CarriedSums()
        func packets(_ groups: [GroupCounters]) -> Double? {
            value(sums.add(groups, .receive), CryptMetrics.packets, ["receive"])
        }
        #expect(packets([group(1, 8, packets: 10), group(2, 16, packets: 5)]) == 15)
        #expect(packets([group(1, 8, packets: 12), group(2, 16, packets: 5)]) == 17)
        // New keys in the place of old ones; a group that is gone.
        #expect(packets([group(1, 800, packets: 3)]) == 20)
        #expect(packets([]) == 20)
        #expect(packets([group(1, 800, packets: 3)]) == 23)
        // Another group under the same name: an engine that began anew.
        #expect(packets([group(1, 800, packets: 1)]) == 24)
    }

    @Test func whatIsCounted() {
        var sums = CarriedSums()
        let samples = sums.add([group(1, 8, packets: 2, forged: 7)], .receive)
        #expect(value(samples, CryptMetrics.bytes, ["receive"]) == 200)
        #expect(value(samples, CryptMetrics.rejected, ["forged"]) == 7)
        #expect(value(samples, CryptMetrics.groups, ["receive", "conf"]) == 1)
        #expect(value(samples, CryptMetrics.groups, ["receive", "auth"]) == 0)
        #expect(value(samples, CryptMetrics.installed, ["receive"]) == 1)
        let sent = sums.add([], .transmit)
        #expect(value(sent, CryptMetrics.rejected, ["forged"]) == nil)
    }
}

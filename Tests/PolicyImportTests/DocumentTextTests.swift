import NetTypes
import PolicyImport
import PolicyLanguage
import PolicyYAML
import Testing

/// What is written reads as the same document.
@Suite struct DocumentTextTests {
    private static let everything = """
        version: 1
        tenant: "no"
        tiers: [emergency, application]
        groups:
          web: {label: tier=web}
          "yes": {members: [ci1, "off"]}
          none: {members: []}
          shop: {any: [web, {label: "app in (cart, search)"}, {all: ["yes", {not: {label: env exists}}]}]}
          alias: {any: [web]}
          rest: {not: {not: {any: [{label: "env notin (a, b)"}, {not: {members: [a, b]}}]}}}
        networks:
          office: [192.0.2.0/24, "2001:db8:7::/48"]
        rules:
          - {name: r1, tier: emergency, from: any, to: "endpoint:any", verdict: reject, log: true}
          - {name: r2, from: "group:web", to: "group:yes", verdict: plug, ports: [tcp/5432, icmp/8, icmp/3/4, udp/any],
             security: conf, rate: 2.5 Gbit/s, burst: 256 KiB, priority: 7}
          - name: r3
            tier: application
            from: everything
            to: group:shop
            verdict: plug
            direction: one-way
            dry-run: true
            when:
              - {days: [mon, sun], from: "08:00", to: "24:00", zone: Asia/Taipei}
              - {from: "22:00", to: "06:30", zone: UTC}
            not-before: 2026-01-01
            not-after: 2099-01-01T00:00:00Z
          - {name: r4, from: "network:office", to: web1, verdict: unplug}
        tests:
          - {expect: unplug, from: "off", to: {name: b, labels: [env=a, tier=web], level: 3}, reason: "quotes \\" and \\\\"}
          - {expect: plug, from: 192.0.2.7, to: "2001:db8::1", reason: x}
        """

    private func agree(_ document: Document) throws {
        let text = DocumentText.write(document)
        let read = try PolicyYAML.read(text).document
        #expect(read == document, "\(text)")
    }

    @Test func everyField() throws {
        let text = Self.everything.replacing(
            "ports: [tcp/5432, icmp/8, icmp/3/4, udp/any],\n     security",
            with: "ports: [tcp/5432, icmp/8, icmp/3/4, udp/any], security"
        ).replacing("to: \"2001:db8::1\", reason", with: "to: web1, reason")
        try agree(try PolicyYAML.read(text).document)
    }

    @Test func guardrails() throws {
        let text = """
            version: 1
            platform: true
            rules:
              - {name: up, levels: upward, from: any, to: any}
              - {name: p, from: everything, to: any, verdict: pass, priority: 0}
            tests:
              - {expect: unplug, from: {name: a, level: 2}, to: {name: b}, reason: down}
            """
        try agree(try PolicyYAML.read(text).document)
    }

    @Test func longGroupsAreOnSeveralLines() throws {
        let names = try (0..<500).map { try Name(parsing: "endpoint-number-\($0)") }.sorted()
        let labels = try (0..<40).map {
            GroupDefinition.label(.equals(try PolicyLabel(parsing: "a-long-key/of-a-label=value-\($0)")))
        }
        let name = try Name(parsing: "g")
        for definition in [
            GroupDefinition.members(names), .any(labels), .not(.any(labels)),
            .all([.not(.all(labels)), .members(names)]),
            .any([.any([.not(.members(names))]), .not(.not(.any(labels)))]),
        ] {
            let document = try Document(scope: .tenant(name), groups: [PolicyGroup(name: name, definition)])
            try agree(document)
            let lines = DocumentText.write(document).split(separator: "\n")
            #expect(lines.allSatisfy { $0.utf8.count <= 120 })
        }
    }

    @Test func commentsAreComments() throws {
        let name = try Name(parsing: "r")
        let document = try Document(
            scope: .tenant(name), rules: [Rule(name: name, from: .any, to: .any, verdict: .plug)])
        let text = DocumentText.write(
            document,
            comments: DocumentComments(head: ["a\nplatform: true"], rules: [name: ["b\r\u{2028}\u{85}\u{feff}- x"]]))
        #expect(try PolicyYAML.read(text).document == document)
        #expect(text.hasPrefix("# a?platform: true\n"))
    }
}

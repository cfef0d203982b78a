import ArgumentParser
import Trimtab
import TrimtabBenchmarks

struct BenchPeersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "peers", abstract: "List the optimisers of others that suites can name, and which are installed.",
    discussion: """
      \(Peers.installation) installs them, each in its pinned version; TRIMTAB_PEERS names their folder if it is neither \
      .build/peers-lab nor trimtab/peers in the user's cache.
      """)

  @Flag(help: "Print a JSON object.")
  var json = false

  func run() throws {
    try reporting {
      let folder = Peers.folder()
      let versions = try Peers.installedVersions(folder: folder)
      if json {
        let peers = Peers.known.map { peer in
          JSONValue.members([
            "name": .string(peer.name), "summary": .string(peer.summary), "package": .string(peer.package),
            "version": versions[peer.package].map { .string($0) } ?? .null,
            "needs_fidelity": .bool(peer.needsFidelity),
          ])
        }
        print(JSONValue.members(["folder": folder.map { .string($0) } ?? .null, "peers": .array(peers)]).prettyText)
        return
      }
      print(Self.lines(versions, folder: folder).joined(separator: "\n"))
    }
  }

  static func lines(_ versions: [String: String], folder: String?) -> [String] {
    let width = Peers.known.map(\.name.count).max() ?? 0
    var lines = Peers.known.map { peer in
      let name = peer.name + String(repeating: " ", count: width - peer.name.count)
      let state = versions[peer.package].map { "\(peer.package) \($0)" } ?? "not installed (\(peer.package))"
      return "\(name)  \(state): \(peer.summary)\(peer.needsFidelity ? "; needs fidelity" : "")"
    }
    lines.append("")
    lines.append(folder.map { "installed in \($0)" } ?? "no folder with peers was found")
    if Peers.known.contains(where: { versions[$0.package] == nil }) {
      lines.append("\(Peers.installation) installs what is missing")
    }
    return lines
  }
}

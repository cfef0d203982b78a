import TrimtabRunning
import TrimtabSearchSpaces

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An optimiser of others that Trimtab can be compared with.
public struct KnownPeer: Sendable, Equatable {
  public let name: String
  /// What it is, in a few words.
  public let summary: String
  /// The distribution on PyPI whose version counts.
  public let package: String
  /// The Python environment that it lives in: a folder below the peers' folder. Not all packages agree on those that they need.
  public let environment: String
  public let needsFidelity: Bool
}

/// The optimisers of others, and where they are installed.
///
/// They live in one folder that `Scripts/peers/setup.sh` makes: Python environments, and `adapters`, which speak the protocol
/// of docs/ask-tell.md for them.
public enum Peers {
  public static let known: [KnownPeer] = [
    peer("optuna-random", "random search", "optuna"),
    peer("optuna-tpe", "TPE with Optuna's defaults", "optuna"),
    peer("optuna-tpe-multivariate", "TPE, multivariate and grouped, constant liar", "optuna"),
    peer("optuna-gp", "Gaussian process", "optuna"),
    peer("optuna-cmaes", "CMA-ES with margin", "optuna"),
    peer("optuna-nsga2", "NSGA-II, for several objectives", "optuna"),
    peer("optuna-hyperband", "TPE with the Hyperband pruner", "optuna", needsFidelity: true),
    peer("rustuna-random", "random search", "rustuna"),
    peer("rustuna-tpe", "TPE with Rustuna's defaults", "rustuna"),
    peer("cmaes", "CMA-ES with margin on the unit cube", "cmaes"),
    peer("nevergrad", "NGOpt, which chooses by the problem", "nevergrad"),
    peer("hyperopt", "TPE as first published", "hyperopt"),
    peer("smac", "random forest, the HPO facade", "smac"),
    peer("smac-bb", "Gaussian process, the black-box facade", "smac"),
    peer("smac-hyperband", "random forest with Hyperband", "smac", needsFidelity: true),
    peer("syne-tune-random", "random search", "syne-tune"),
    peer("syne-tune-bore", "density-ratio estimation", "syne-tune"),
    peer("syne-tune-cqr", "conformal quantile regression", "syne-tune"),
    peer("syne-tune-asha", "random search with ASHA", "syne-tune", needsFidelity: true),
    peer("syne-tune-bohb", "kernel densities with ASHA", "syne-tune", needsFidelity: true),
    peer("syne-tune-cqr-asha", "conformal quantile regression with ASHA", "syne-tune", needsFidelity: true),
    peer("ax", "Gaussian process with Ax's defaults", "ax-platform"),
    peer("dehb", "differential evolution with Hyperband", "DEHB", in: "dehb", needsFidelity: true),
    peer("hebo", "Gaussian process with input warping", "HEBO", in: "hebo"),
    peer("turbo", "trust region", "turbo", in: "turbo"),
    peer("baxus", "trust region in nested subspaces", "BAxUS", in: "baxus"),
  ]

  private static func peer(
    _ name: String, _ summary: String, _ package: String, in environment: String = "core", needsFidelity: Bool = false
  ) -> KnownPeer {
    KnownPeer(
      name: name, summary: summary, package: package, environment: environment, needsFidelity: needsFidelity)
  }

  /// How to install what is missing.
  public static let installation = "Scripts/peers/setup.sh"

  /// The folder with the peers' environments: the variable TRIMTAB_PEERS, `.build/peers-lab`, or `trimtab/peers` in the
  /// user's cache; nil when there is none.
  public static func folder(environment: [String: String] = ProcessInfo.processInfo.environment) -> String? {
    if let given = environment["TRIMTAB_PEERS"], !given.isEmpty { return given }
    let caches =
      environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
      ?? environment["HOME"].map { $0 + "/.cache" }
    let places = [".build/peers-lab"] + (caches.map { [$0 + "/trimtab/peers"] } ?? [])
    return places.first { FileManager.default.fileExists(atPath: $0 + "/adapters/adapter.py") }
  }

  /// The argument vector that starts a peer.
  /// - Throws: `PeerError` when there is no such peer, or it is not installed.
  public static func command(_ name: String, folder: String? = folder()) throws(PeerError) -> [String] {
    guard let peer = known.first(where: { $0.name == name }) else {
      throw PeerError(.notInstalled, "there is no peer '\(name)' (\(suggestion(for: name, among: known.map(\.name))))")
    }
    guard let folder else {
      throw PeerError(
        .notInstalled, "no peers are installed: run \(installation), or name their folder in TRIMTAB_PEERS")
    }
    let python = self.python(peer.environment, in: folder)
    guard FileManager.default.isExecutableFile(atPath: python) else {
      throw PeerError(.notInstalled, "\(name) is not installed in \(folder): run \(installation)")
    }
    return [python, "\(folder)/adapters/adapter.py", name]
  }

  private static func python(_ environment: String, in folder: String) -> String {
    "\(folder)/\(environment)/bin/python"
  }

  /// The versions of the installed packages, by the names that `known` has for them; empty without a folder.
  /// - Throws: `PeerError` when an environment is there but does not work.
  public static func installedVersions(folder: String? = folder()) throws(PeerError) -> [String: String] {
    guard let folder else { return [:] }
    var versions: [String: String] = [:]
    for environment in Set(known.map(\.environment)).sorted() {
      let python = self.python(environment, in: folder)
      guard FileManager.default.isExecutableFile(atPath: python) else { continue }
      let packages = Set(known.filter { $0.environment == environment }.map(\.package)).sorted()
      let line: String
      do {
        let channel = try PeerChannel(
          command: [python, "\(folder)/adapters/adapter.py", "--versions"],
          environment: ProcessInfo.processInfo.environment.map { ($0.key, $0.value) }, workingDirectory: ".")
        let request = JSONValue.array(packages.map { .string($0) }).text
        line = try channel.exchange(request, within: .seconds(60))
      } catch let error as PeerError {
        throw error
      } catch {
        throw PeerError(.cannotStart, "\(error)")
      }
      guard case .object(let members)? = try? JSONValue.parse(line) else {
        throw PeerError(.misbehaved, "\(folder)/adapters/adapter.py --versions printed: \(line.prefix(200))")
      }
      for case let member in members {
        if case .string(let version) = member.value { versions[member.key] = version }
      }
    }
    return versions
  }
}

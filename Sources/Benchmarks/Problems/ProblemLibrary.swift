import Synchronization
import TrimtabSearchSpaces

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// All problems that there are here: formulas, and those whose data lies in the data folders.
///
/// A data folder has sub-folders with tables (`tabular-benchmark/1`), surrogates (`reglu-surrogate/1`), `lcdb/` with LCDB's
/// curves and `hpob/` with HPO-B's tables. Of two problems with one name the one in the earlier folder counts.
public final class ProblemLibrary: Sendable {
  /// Where the data of a problem lies.
  private enum Place: Sendable {
    case table(path: String)
    case surrogate(path: String, instance: String)
    case curves(path: String, dataset: String)
    case hpob(path: String, entry: String)
  }

  private struct Index: Sendable {
    var places: [String: Place] = [:]
    var failures: [ProblemError] = []
  }

  /// What was read, by path or by the name of a table.
  private struct Loaded: Sendable {
    var index: Index?
    var tables: [String: Table] = [:]
    var surrogates: [String: Surrogate] = [:]
    var curves: [String: LearningCurveDatabase] = [:]
    var hpob: [String: HPOBTables] = [:]
  }

  /// The library of this process: the folders of TRIMTAB_BENCH_DATA, then the cache.
  public static let standard = ProblemLibrary(
    folders: named(by: variable("TRIMTAB_BENCH_DATA")),
    cache: cacheFolder(xdgCacheHome: variable("XDG_CACHE_HOME"), home: variable("HOME")))

  private let folders: [String]
  private let cache: String?
  private let loaded = Mutex(Loaded())

  /// - Parameters:
  ///   - folders: data folders that must be there.
  ///   - cache: a data folder that may be missing.
  public init(folders: [String], cache: String? = nil) {
    self.folders = folders
    self.cache = cache
  }

  private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// The folders in a value of TRIMTAB_BENCH_DATA, separated by colons.
  static func named(by value: String?) -> [String] { (value ?? "").split(separator: ":").map(String.init) }

  /// Where `make bench-data` puts its tables.
  static func cacheFolder(xdgCacheHome: String?, home: String?) -> String? {
    if let xdgCacheHome, xdgCacheHome.hasPrefix("/") { return xdgCacheHome + "/trimtab/bench-data" }
    return home.map { $0 + "/.cache/trimtab/bench-data" }
  }

  /// The names of all problems, sorted.
  public var names: [String] {
    (index.places.keys + Formulas.names).sorted()
  }

  /// What lies in the data folders, or should, but cannot be read.
  public var failures: [ProblemError] { index.failures }

  /// The problem that an entry of a suite names, with what its options put around it.
  /// - Throws: `ProblemError` when there is none, or when its data cannot be read; `ProblemError` or `ProblemOptionError` for
  ///   an option that it does not have, or of an impossible value; `SpaceError` when its space cannot be changed as asked.
  public func problem(_ entry: ProblemEntry) throws -> any Problem {
    let (wrappers, own) = Wrappers.split(entry.options)
    if let formula = try Formulas.make(entry.name, options: own) {
      return try Wrappers.wrap(formula, options: wrappers)
    }
    var rest = own
    let options = try ProblemOptions(taking: &rest, problem: entry.name)
    if let unknown = rest.keys.sorted().first {
      let known = ProblemOptions.names + Wrappers.options.map(\.name)
      throw ProblemOptionError(
        entry.name, option: unknown, "there is no such option", hint: suggestion(for: unknown, among: known))
    }
    return try Wrappers.wrap(problem(named: entry.name, options: options), options: wrappers)
  }

  /// The entries with every pattern replaced by the problems that it stands for, in the order of their names.
  /// - Throws: `ProblemError` for a pattern that fits nothing.
  public func expand(_ entries: [ProblemEntry]) throws(ProblemError) -> [ProblemEntry] {
    var expanded: [ProblemEntry] = []
    for entry in entries {
      guard entry.name.contains("*") else {
        expanded.append(entry)
        continue
      }
      let fitting = names.filter { Self.fits($0[...], entry.name[...]) }
      // What is missing is said of the pattern's beginning, which names the family.
      guard !fitting.isEmpty else { throw missing(entry.name) }
      expanded += fitting.map { ProblemEntry($0, options: entry.options) }
    }
    var seen: Set<ProblemEntry> = []
    return expanded.filter { seen.insert($0).inserted }
  }

  /// Whether a name fits a pattern, in which `*` stands for any characters.
  private static func fits(_ name: Substring, _ pattern: Substring) -> Bool {
    guard let star = pattern.firstIndex(of: "*") else { return name == pattern }
    let head = pattern[..<star]
    guard name.hasPrefix(head) else { return false }
    let rest = pattern[pattern.index(after: star)...]
    var tail = name.dropFirst(head.count)
    while true {
      if fits(tail, rest) { return true }
      if tail.isEmpty { return false }
      tail = tail.dropFirst()
    }
  }

  /// The recorded problem of that name.
  /// - Throws: `ProblemError` when there is none, when its data cannot be read, or for an option that it cannot follow.
  public func problem(
    named name: String, options: ProblemOptions = ProblemOptions()
  ) throws(ProblemError) -> any Problem {
    guard let place = index.places[name] else { throw missing(name) }
    switch place {
    case .table(let path):
      return try TableProblem(
        table(name) { () throws(ProblemError) in try Table(headerPath: path, name: name) }, options: options)
    case .curves(let path, let dataset):
      return try TableProblem(
        table(name) { () throws(ProblemError) in try curves(path).table(dataset, name: name) }, options: options)
    case .hpob(let path, let entry):
      return try TableProblem(
        table(name) { () throws(ProblemError) in try hpob(path).table(entry, name: name) }, options: options)
    case .surrogate(let path, let instance):
      return try SurrogateProblem(surrogate(path), instance: instance, options: options)
    }
  }

  /// The configurations with which each published HPO-B run on a problem begins, by the name of its seed (`test0` …).
  /// - Throws: `ProblemError` when the problem is none of HPO-B's, or its file of initial points cannot be read.
  public func initialConfigurations(ofHPOB name: String) throws -> [String: [Configuration]] {
    guard case .hpob(let path, let entry)? = index.places[name] else { throw missing(name) }
    let table = try table(name) { () throws(ProblemError) in try hpob(path).table(entry, name: name) }
    let file = path.dropLast(HPOBTables.tablesFile.count) + HPOBTables.initialFile
    return try HPOBTables.initialRows(entry, path: String(file)).mapValues { rows in
      try rows.map { row in
        guard table.configurations.indices.contains(row) else {
          throw ProblemError("the table has no row \(row)", at: "\(file): \(entry)")
        }
        return table.configurations[row]
      }
    }
  }

  // MARK: What there is

  private var index: Index {
    if let index = loaded.withLock({ $0.index }) { return index }
    var index = Index()
    for folder in folders where DataFiles.names(in: folder) == nil {
      index.failures.append(
        ProblemError("is not a folder", at: folder, hint: "correct TRIMTAB_BENCH_DATA, which names data folders"))
    }
    for folder in folders + [cache].compactMap(\.self) {
      for section in DataFiles.names(in: folder) ?? [] {
        do {
          try add("\(folder)/\(section)", section, to: &index)
        } catch {
          index.failures.append(error)
        }
      }
    }
    return loaded.withLock { loaded in
      let known = loaded.index ?? index
      loaded.index = known
      return known
    }
  }

  private func add(_ folder: String, _ section: String, to index: inout Index) throws(ProblemError) {
    func add(_ name: String, _ place: Place) {
      if index.places[name] == nil { index.places[name] = place }
    }
    let files = DataFiles.names(in: folder) ?? []
    if section == "hpob", files.contains(HPOBTables.tablesFile) {
      let path = "\(folder)/\(HPOBTables.tablesFile)"
      for (entry, _) in try hpob(path).entries { add("hpob/\(entry)", .hpob(path: path, entry: entry)) }
      return
    }
    if section == "lcdb", files.contains("accuracy_curves.csv") {
      let path = "\(folder)/accuracy_curves.csv"
      for (id, _) in try curves(path).datasets { add("lcdb-cash/\(id)", .curves(path: path, dataset: id)) }
    }
    for file in files where file.hasSuffix(".json") {
      let path = "\(folder)/\(file)"
      let stem = String(file.dropLast(5))
      // Other JSON files may lie beside the data; a header has its data file with it.
      guard files.contains(stem + ".f32") else { continue }
      do {
        let text = try DataFiles.text(path)
        if text.contains("\"reglu-surrogate/1\"") {
          let surrogate = try surrogate(path)
          for instance in surrogate.instances {
            add("\(surrogate.family)/\(instance)", .surrogate(path: path, instance: instance))
          }
        } else {
          add(Self.name(section, stem), .table(path: path))
        }
      } catch {
        index.failures.append(error)
      }
    }
  }

  /// The name of a table: its folder and file, with the names that its makers gave them shortened.
  static func name(_ section: String, _ stem: String) -> String {
    switch section {
    case "xgboost-transfer": return "xgb-transfer/\(stem)"
    case "taskset":
      let words = stem.split(separator: "_")
      if words.count > 3, words[0].hasSuffix("Classification"), words[2].hasPrefix("patch") {
        return "taskset/" + words[3...].joined(separator: "_")
      }
      return "taskset/\(stem)"
    case "hpo-rl-bench":
      switch stem {
      case "ppo-Enduro-v0-static": return "ppo-enduro"
      case "ppo-Enduro-v0-dynamic-seed0": return "ppo-enduro-dynamic"
      default: return "hpo-rl-bench/\(stem)"
      }
    default: return "\(section)/\(stem)"
    }
  }

  // MARK: Reading

  private func table(_ name: String, _ read: () throws(ProblemError) -> Table?) throws(ProblemError) -> Table {
    if let table = loaded.withLock({ $0.tables[name] }) { return table }
    guard let table = try read() else { throw missing(name) }
    loaded.withLock { $0.tables[name] = table }
    return table
  }

  private func surrogate(_ path: String) throws(ProblemError) -> Surrogate {
    if let surrogate = loaded.withLock({ $0.surrogates[path] }) { return surrogate }
    let surrogate = try Surrogate(headerPath: path)
    loaded.withLock { $0.surrogates[path] = surrogate }
    return surrogate
  }

  private func curves(_ path: String) throws(ProblemError) -> LearningCurveDatabase {
    if let curves = loaded.withLock({ $0.curves[path] }) { return curves }
    let curves = try LearningCurveDatabase(csv: try DataFiles.text(path), path: path)
    loaded.withLock { $0.curves[path] = curves }
    return curves
  }

  private func hpob(_ path: String) throws(ProblemError) -> HPOBTables {
    if let tables = loaded.withLock({ $0.hpob[path] }) { return tables }
    let tables = try HPOBTables(path)
    loaded.withLock { $0.hpob[path] = tables }
    return tables
  }

  // MARK: What is missing

  /// The families whose data has to be fetched first, and the folder that it lies in.
  private static let sections: [String: String] = [
    "taskset": "taskset", "lcbench": "yahpo", "rbv2-xgboost": "yahpo", "rbv2-rpart": "yahpo", "iaml-glmnet": "yahpo",
    "xgb-transfer": "xgboost-transfer", "deepar-transfer": "deepar-transfer", "lcdb-cash": "lcdb",
    "ppo-enduro": "hpo-rl-bench", "ppo-enduro-dynamic": "hpo-rl-bench", "hpob": "hpob",
  ]

  private func missing(_ name: String) -> ProblemError {
    let names = names
    let family = name.split(separator: "/", maxSplits: 1).first.map(String.init) ?? ""
    let hasFamily = names.contains { $0 == family || $0.hasPrefix(family + "/") }
    if !hasFamily, ["fcnet", "hpobench-nn", "nb201"].contains(family) {
      return ProblemError(
        "its data is not here", at: name, hint: "run 'make bench-data', which fetches and converts it")
    }
    if !hasFamily, let section = Self.sections[family] {
      let failure = failures.first.map { "; \($0.description)" } ?? ""
      return ProblemError(
        "its data is not here", at: name,
        hint: "set TRIMTAB_BENCH_DATA to a folder with \(section)/ in it, see docs/benchmark-data.md\(failure)")
    }
    if let near = nearestWord(to: name, among: names) {
      return ProblemError("there is no such problem", at: name, hint: "did you mean '\(near)'?")
    }
    let siblings = names.filter { $0.hasPrefix(family + "/") }
    let shown = siblings.isEmpty ? names : siblings
    let list = shown.prefix(12).joined(separator: ", ") + (shown.count > 12 ? " …" : "")
    let failure = failures.first.map { "; \($0.description)" } ?? ""
    return ProblemError(
      "there is no such problem", at: name,
      hint: (list.isEmpty ? "run 'make bench-data' or set TRIMTAB_BENCH_DATA" : "possible: \(list)") + failure)
  }
}

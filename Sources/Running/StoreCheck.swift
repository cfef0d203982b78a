import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One thing that was looked at in a store.
public struct CheckResult: Sendable, Equatable {
  public enum Outcome: String, Sendable {
    case ok
    /// Nothing is wrong, but a person may want to know.
    case note
    case problem
  }

  /// What was looked at.
  public var name: String
  public var outcome: Outcome
  /// What was found, one line each.
  public var findings: [String]
  /// What to do about it.
  public var mend: String?
}

/// Looks at everything in a store that could be wrong, and changes nothing.
public struct StoreCheck {
  public private(set) var results: [CheckResult] = []

  private let path: String
  private let makeMethod: (StudySpec) throws -> Method
  private var copy: StoreCopy?

  public var hasProblem: Bool { results.contains { $0.outcome == .problem } }

  /// - Parameters:
  ///   - trialsFolder: the folder with the folders of a study's trials, for a study's name.
  ///   - makeMethod: builds the method that a specification names.
  public init(
    path: String, trialsFolder: (String) -> String, makeMethod: @escaping (StudySpec) throws -> Method
  ) {
    self.path = path
    self.makeMethod = makeMethod
    let store: SQLiteStore
    do throws(StoreError) {
      copy = StoreCopy.isNeeded(path) ? try StoreCopy(of: path) : nil
      store = try SQLiteStore(path: copy?.path ?? path, access: copy == nil ? .inspect : .open)
    } catch {
      problem("store", ["\(error)"], mend: Self.mend(for: error))
      return
    }
    ok("store", ["a trimtab store of layout \(SQLiteStore.schemaVersion)"])
    checkDatabase(store)
    let names: [String]
    do {
      names = try store.studyNames()
    } catch {
      problem("studies", ["\(error)"], mend: Self.damageMend)
      return
    }
    if names.isEmpty { note("studies", ["there is none"], mend: "start one with 'trimtab tune'") }
    var isInUse = false
    for name in names { isInUse = checkStudy(name, store, trialsFolder(name)) || isInUse }
    checkCompanions(isInUse: isInUse)
    if let first = names.first { checkStudyFolders(names, trialsFolder(first)) }
  }

  private static let damageMend = "restore a copy of the store; sqlite3's .recover may save what can still be read"

  private static func mend(for error: StoreError) -> String? {
    switch error.kind {
    case .corrupt: damageMend
    case .notAStore: "check the path; a store is made by 'trimtab tune' and usually ends in .trimtab"
    default: nil
    }
  }

  private mutating func ok(_ name: String, _ findings: [String]) {
    results.append(CheckResult(name: name, outcome: .ok, findings: findings, mend: nil))
  }

  private mutating func note(_ name: String, _ findings: [String], mend: String?) {
    results.append(CheckResult(name: name, outcome: .note, findings: findings, mend: mend))
  }

  private mutating func problem(_ name: String, _ findings: [String], mend: String?) {
    results.append(CheckResult(name: name, outcome: .problem, findings: findings, mend: mend))
  }

  private mutating func checkDatabase(_ store: SQLiteStore) {
    do {
      let problems = try store.integrityProblems()
      if problems.isEmpty {
        ok("database", ["SQLite's integrity check finds nothing"])
      } else {
        problem("database", problems, mend: Self.damageMend)
      }
    } catch {
      problem("database", ["\(error)"], mend: Self.damageMend)
    }
  }

  // MARK: Studies

  /// - Returns: whether a worker of the study is alive.
  private mutating func checkStudy(_ name: String, _ store: SQLiteStore, _ folder: String) -> Bool {
    let log: SQLiteLog
    do {
      log = try store.log(ofStudy: name)
    } catch {
      problem("study '\(name)'", ["\(error)"], mend: Self.damageMend)
      return false
    }
    checkFrames(name, log)
    guard let state = fold(name, log) else { return false }
    let violations = state.invariantViolations()
    if violations.isEmpty {
      ok("state of '\(name)'", ["\(state.trials.count) trials, consistent; fingerprint \(hex(state.fingerprint))"])
    } else {
      problem("state of '\(name)'", violations, mend: "this is a fault of trimtab itself: please report it")
    }
    do {
      _ = try makeMethod(state.spec)
      ok("method of '\(name)'", ["\(state.spec.method.sampler.name) with \(state.spec.method.scheduler.name)"])
    } catch {
      problem("method of '\(name)'", ["\(error)"], mend: "choose another method with 'trimtab amend'")
    }
    checkTrialFolders(name, state, folder)
    return checkWorkers(name, state, log)
  }

  /// Reads every frame by itself, so that one that is harmed does not hide the others.
  private mutating func checkFrames(_ name: String, _ log: SQLiteLog) {
    var findings: [String] = []
    var codec = FrameCodec(objectives: [])
    var frames = 0
    var expected = 0
    /// The record before could not be read, so nobody knows where this one should begin.
    var isAfterHarm = false
    var bytes = 0
    do {
      try log.read(from: 0) { position, frame in
        if position != expected, !isAfterHarm { findings.append("event \(expected) is followed by event \(position)") }
        expected = position
        isAfterHarm = false
        let known = codec
        do {
          try known.decode(frame) { event in
            if expected == 0, case .studyCreated(let text) = event.body,
              let spec = try? StudySpec.parse(json: text, name: "the log's specification")
            {
              codec = FrameCodec(objectives: spec.objectives.map(\.metric))
            }
            expected += 1
          }
        } catch {
          findings.append("the record at event \(position): \(error)")
          isAfterHarm = true
        }
        frames += 1
        bytes += frame.count
      }
    } catch {
      findings.append("\(error)")
    }
    if findings.isEmpty {
      ok("log of '\(name)'", ["\(expected) events in \(frames) records of \(bytes) bytes, all whole and in order"])
    } else {
      problem("log of '\(name)'", Array(findings.prefix(20)), mend: Self.damageMend)
    }
  }

  private mutating func fold(_ name: String, _ log: SQLiteLog) -> StudyState? {
    let place = Place<StudyState>()
    var reader = LogReader()
    do {
      try reader.read(log) { _, event in
        try place.absorb(event)
      }
    } catch {
      problem("events of '\(name)'", ["event \(reader.position): \(error)"], mend: Self.damageMend)
      return nil
    }
    guard let state = place.value else {
      problem("events of '\(name)'", ["the log is empty"], mend: Self.damageMend)
      return nil
    }
    ok("events of '\(name)'", ["each follows from those before it"])
    return state
  }

  private mutating func checkWorkers(_ name: String, _ state: StudyState, _ log: SQLiteLog) -> Bool {
    var living = 0
    var deserted: [TrialNumber] = []
    do {
      let workers = Set(state.running.map { state.trials[$0].worker })
      living = try workers.filter(log.isAlive).count
      deserted = try state.running.filter { try !log.isAlive(state.trials[$0].worker) }
    } catch {
      note("workers of '\(name)'", ["\(error)"], mend: nil)
      return false
    }
    let findings = ["\(living) alive, \(state.running.count - deserted.count) trials running"]
    if deserted.isEmpty {
      ok("workers of '\(name)'", findings)
    } else {
      let list = deserted.prefix(10).map(String.init).joined(separator: ", ")
      note(
        "workers of '\(name)'", findings + ["trials whose worker has died: \(list)\(deserted.count > 10 ? ", …" : "")"],
        mend: "none needed: the next 'trimtab tune' takes them up again")
    }
    return living > 0
  }

  // MARK: Files beside the store

  private mutating func checkCompanions(isInUse: Bool) {
    var info = stat()
    guard stat(path + "-lock", &info) == 0 else {
      ok("lock file", ["there is none"])
      return
    }
    if isInUse {
      ok("lock file", ["in use"])
    } else {
      note(
        "lock file", ["\(path)-lock is left from earlier; locks end with their process, so it blocks nobody"],
        mend: "none needed: it may be deleted while nothing is tuned")
    }
  }

  private mutating func checkTrialFolders(_ name: String, _ state: StudyState, _ folder: String) {
    guard let entries = Self.entries(of: folder) else {
      ok("folders of '\(name)'", ["there are none"])
      return
    }
    let strangers = entries.filter { entry in
      guard entry.utf8.count >= 6, entry.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(entry)
      else { return true }
      return number >= state.trials.count
    }
    if strangers.isEmpty {
      ok("folders of '\(name)'", ["\(entries.count), each of a trial"])
    } else {
      let list = strangers.prefix(10).map { "\(folder)/\($0)" } + (strangers.count > 10 ? ["…"] : [])
      problem(
        "folders of '\(name)'", list.map { "\($0) belongs to no trial" },
        mend: "is this the right store? If so, move them away: a new trial of that number would find them")
    }
  }

  private mutating func checkStudyFolders(_ names: [String], _ folder: String) {
    guard let slash = folder.lastIndex(of: "/") else { return }
    let root = String(folder[..<slash])
    guard let entries = Self.entries(of: root) else { return }
    let strangers = entries.filter { !names.contains($0) }
    if !strangers.isEmpty {
      problem(
        "folders of studies", strangers.map { "\(root)/\($0) belongs to no study of the store" },
        mend: "is this the right store? If so, move them away")
    }
  }

  /// The names in a folder, sorted; nil when there is no such folder.
  private static func entries(of folder: String) -> [String]? {
    guard let directory = opendir(folder) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  private func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

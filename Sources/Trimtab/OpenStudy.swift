import TrimtabMethods
import TrimtabRunning
import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

/// Where a study's log is kept.
public enum StudyStore: Sendable, Hashable {
  /// In this process, until it ends.
  case memory
  /// In an SQLite file, which other processes may use at the same time.
  case file(String)
}

extension Session {
  /// Opens the study that a specification names in a store, or creates it there.
  ///
  /// Of a study that exists, the log counts, not the specification: see `StudySpec.checkSucceeds` for how to amend it.
  /// Earlier studies that a new one learns from are read now, and never again.
  /// - Parameter folder: where relative paths of earlier studies start.
  /// - Returns: the session, and whether the study is new.
  /// - Throws: `MethodError` when the method cannot take the study, `StoreError` when a store cannot be used, `SpaceError`
  ///   when an earlier study cannot be learned from, and what `Session.init` throws.
  public static func openOrCreate(
    _ spec: StudySpec, in store: StudyStore, folder: String = "."
  ) throws -> (session: Session, isNew: Bool) {
    var spec = spec
    if spec.seed == nil { spec.seed = newSeed() }
    _ = try Catalogue.makeMethod(spec)
    switch store {
    case .memory:
      let log = MemoryLog()
      let frame = try firstFrame(spec, learningIn: folder)
      try log.append(from: 0) { _, _ in
      } decide: {
        (0, frame)
      }
      let session = try open(log)
      try session.enqueueDefaults()
      return (session, true)
    case .file(let path):
      // Nothing is created for a study that cannot begin, and a study that has begun needs the earlier ones no more.
      var frame = spec.transfer == nil ? Session.firstFrame(spec, at: systemClock()) : []
      if spec.transfer != nil, !holdsStudy(spec.name, path) { frame = try firstFrame(spec, learningIn: folder) }
      let file = try SQLiteStore(path: path, access: .createOrOpen, durability: spec.durability)
      let (log, isNew) = try file.createOrOpenStudy(spec.name, firstFrame: frame)
      let session = try open(log)
      if isNew { try session.enqueueDefaults() }
      return (session, isNew)
    }
  }

  private static func firstFrame(_ spec: StudySpec, learningIn folder: String) throws -> [UInt8] {
    let earlier = try EarlierStudies.read(for: spec, folder: folder)
    return Session.firstFrame(spec, earlier: earlier, at: systemClock())
  }

  private static func holdsStudy(_ name: String, _ path: String) -> Bool {
    // What is wrong with the store is found, and said, when it is opened to write.
    guard let file = try? SQLiteStore(path: path, access: .readOnly) else { return false }
    return (try? file.studyNames().contains(name)) ?? false
  }

  /// A session on a log that exists.
  /// - Throws: what `Session.init` throws.
  public static func open(_ log: any StudyLog) throws -> Session {
    try Session(log: log, worker: newWorkerID(), clock: systemClock, makeMethod: { try Catalogue.makeMethod($0) })
  }

  /// The configuration of all defaults is what a person would try first.
  private func enqueueDefaults() throws {
    let space = state.spec.space
    guard space.parameters.contains(where: { $0.defaultValue != nil }) else { return }
    let configuration = space.defaultConfiguration()
    guard space.contains(configuration) else { return }
    _ = try enqueue(configuration, origin: .defaults)
  }
}

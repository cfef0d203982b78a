import Trimtab

/// What a program asks for when it opens a study.
struct OpenRequest {
  enum Mode: String, CaseIterable {
    case create
    case open
    case createOrOpen = "create_or_open"
  }

  var study: JSONValue
  var store: String?
  var mode: Mode

  init(_ text: String) throws {
    let json = try JSONValue.parse(text)
    guard case .object(let members) = json else { throw CallError("badRequest", "a request is a JSON object") }
    let possible = ["study", "store", "mode"]
    for member in members where !possible.contains(member.key) {
      throw CallError("badRequest", "open has no '\(member.key)' (\(suggestion(for: member.key, among: possible)))")
    }
    guard let study = json["study"] else { throw CallError("badRequest", "open needs \"study\"") }
    self.study = study
    switch json["store"] {
    case nil, .null?: store = nil
    case .string(let path)?: store = path
    case let other?: throw CallError("badRequest", "store is a path or null, not \(other.text)")
    }
    guard case .string(let word)? = json["mode"], let mode = Mode(rawValue: word) else {
      throw CallError(
        "badRequest", "mode is one of \(Mode.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    self.mode = mode
  }

  func session() throws -> Session {
    guard mode != .open else { return try existing() }
    let spec = try StudySpec.read(study, name: "study")
    let (session, isNew) = try Session.openOrCreate(spec, in: store.map { .file($0) } ?? .memory)
    guard isNew || mode == .createOrOpen else {
      throw StoreError(
        .alreadyExists, "\(store ?? ""): there is a study '\(spec.name)' already (load it, or choose another name)")
    }
    return session
  }

  private func existing() throws -> Session {
    guard let store else {
      throw CallError("badRequest", "a study in memory cannot be opened a second time: give its store")
    }
    let file = try SQLiteStore(path: store, access: .open)
    var name: String
    switch study {
    case .string(let given): name = given
    case .null:
      let names = try file.studyNames()
      guard names.count == 1 else {
        throw StoreError(
          .notFound,
          names.isEmpty
            ? "\(store): holds no study"
            : "\(store): holds several studies; name one of \(names.joined(separator: ", "))")
      }
      name = names[0]
    default: throw CallError("badRequest", "study is the name of the study to open")
    }
    let session = try Session.open(try file.log(ofStudy: name))
    guard session.state.spec.durability == .relaxed else { return session }
    let relaxed = try SQLiteStore(path: store, access: .open, durability: .relaxed)
    return try Session.open(try relaxed.log(ofStudy: name))
  }
}

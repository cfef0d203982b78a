/// What the keys of a study file are, in one place: the reader accepts these and no others, and the schema for editors
/// is made from them.
struct StudyKey: Sendable {
  /// What a value looks like.
  indirect enum Shape: Sendable {
    case text
    case boolean
    case integer(minimum: Int, maximum: Int?)
    /// - exclusive: whether the minimum itself is excluded.
    case number(minimum: Double, exclusive: Bool)
    case seconds
    case bytes
    case oneOf([String])
    case section(StudySection)
    case list(Shape, minimum: Int = 1)
    case anyOf([Shape])
    /// Any keys, all with values of this shape.
    case table(Shape)
    case space
  }

  let name: String
  let summary: String
  let shape: Shape
  let isRequired: Bool

  init(_ name: String, _ shape: Shape, _ summary: String, isRequired: Bool = false) {
    self.name = name
    self.summary = summary
    self.shape = shape
    self.isRequired = isRequired
  }
}

/// A mapping of a study file and the keys it may have.
struct StudySection: Sendable {
  /// What errors call it.
  let name: String
  let keys: [StudyKey]
  /// Whether further keys, with single values, may stand in it.
  var isOpen = false

  var keyNames: [String] { keys.map(\.name) }
}

extension StudySection {
  static let study = StudySection(
    name: "a study file",
    keys: [
      StudyKey("study", .text, "The study's name: letters, digits, _ - and . ; the file's name when left out."),
      StudyKey("objective", .section(objective), "What is optimised."),
      StudyKey("objectives", .list(.section(objective)), "Several objectives, instead of objective."),
      StudyKey("fidelity", .section(fidelity), "The resource of which a trial may get more or less, such as epochs."),
      StudyKey(
        "method", .anyOf([.text, .section(method)]), "A sampler's name, or a sampler and a scheduler."),
      StudyKey("budget", .section(budget), "When the study is finished; the first limit reached counts."),
      StudyKey("parallel", .integer(minimum: 1, maximum: 10_000), "Trials at a time; 1 when left out."),
      StudyKey(
        "command", .anyOf([.list(.text), .text]),
        "The program and its arguments as a list; {name} stands for a parameter's value, \"{flags}\" for all of them."),
      StudyKey("shell", .boolean, "Whether command is one text for /bin/sh; values then come in the environment."),
      StudyKey("environment", .table(.text), "Variables added to the environment of trials."),
      StudyKey("limits", .section(limits), "What one run of a trial may use."),
      StudyKey("retries", .section(retries), "How often a trial is tried again."),
      StudyKey("seed", .integer(minimum: 0, maximum: Int.max), "Makes a study repeatable; chosen when left out."),
      StudyKey("cost", .text, "The metric in which trials report their cost so far; seconds when left out."),
      StudyKey("output", .text, "A pattern for reports on standard output, such as: epoch {epoch}: loss {loss}"),
      StudyKey("durability", .oneOf(Durability.allCases.map(\.rawValue)), "What an acknowledged result survives."),
      StudyKey("space", .space, "The parameters and their domains.", isRequired: true),
      StudyKey("constraints", .list(.text, minimum: 0), "Conditions that every configuration satisfies."),
    ])

  static let objective = StudySection(
    name: "an objective",
    keys: [
      StudyKey("metric", .text, "The name under which trials report it.", isRequired: true),
      StudyKey(
        "goal", .oneOf(Objective.Goal.allCases.map(\.rawValue)), "Which values are better.", isRequired: true),
    ])

  static let fidelity = StudySection(
    name: "fidelity",
    keys: [
      StudyKey("name", .text, "The key under which trials report it; resource when left out."),
      StudyKey(
        "min", .number(minimum: 0, exclusive: true), "The least at which a trial is judged; 1 when left out."),
      StudyKey(
        "max", .number(minimum: 0, exclusive: true), "The resource of a complete trial.", isRequired: true),
      StudyKey("integer", .boolean, "Whether it comes in whole numbers; true when left out."),
      StudyKey(
        "pause", .oneOf(Fidelity.Pause.allCases.map(\.rawValue)),
        "How a paused trial frees its worker: exit and continue from a checkpoint, or freeze in memory."),
    ])

  static let method = StudySection(
    name: "method",
    keys: [
      StudyKey("sampler", .anyOf([.text, .section(part)]), "Which configuration is tried next; tpe when left out."),
      StudyKey(
        "scheduler", .anyOf([.text, .section(part)]),
        "Which trials get more resource; asha with a fidelity and full without when left out."),
    ])

  static let part = StudySection(
    name: "a sampler or scheduler",
    keys: [StudyKey("name", .text, "Its name; the other keys are its options.", isRequired: true)],
    isOpen: true)

  static let budget = StudySection(
    name: "budget",
    keys: [
      StudyKey("trials", .integer(minimum: 1, maximum: 1_000_000_000), "The number of configurations tried."),
      StudyKey("time", .seconds, "The time during which trials run."),
      StudyKey("cost", .number(minimum: 0, exclusive: true), "The total cost of all trials."),
    ])

  static let limits = StudySection(
    name: "limits",
    keys: [
      StudyKey("time", .seconds, "The longest run of a trial."),
      StudyKey("memory", .bytes, "The memory of a trial with all its processes."),
      StudyKey("grace", .seconds, "The time between asking a trial to stop and ending it; 10s when left out."),
      StudyKey("log", .bytes, "The output kept of a trial; 64MiB when left out."),
    ])

  static let retries = StudySection(
    name: "retries",
    keys: [
      StudyKey(
        "failed", .integer(minimum: 0, maximum: 1000),
        "Further attempts after a crash, a time-out or lack of memory; 0 when left out."),
      StudyKey(
        "lost", .integer(minimum: 0, maximum: 1000),
        "Further attempts after the tuning process or its machine died; 3 when left out."),
      StudyKey("backoff", .seconds, "The pause before the first further attempt, doubled each time; 1s when left out."),
    ])
}

/// What the keys of a study file are, in one place.
extension FileSection {
  static let study = FileSection(
    name: "a study file",
    keys: [
      FileKey("study", .text, "The study's name: letters, digits, _ - and . ; the file's name when left out."),
      FileKey("objective", .section(objective), "What is optimised."),
      FileKey("objectives", .list(.section(objective)), "Several objectives, instead of objective."),
      FileKey(
        "outcome-constraints", .list(.text, minimum: 0),
        "Conditions on metrics that trials report, such as \"latency_ms <= 20\"; what violates one is no solution."),
      FileKey("fidelity", .section(fidelity), "The resource of which a trial may get more or less, such as epochs."),
      FileKey(
        "method", .anyOf([.text, .section(method)]), "A sampler's name, or a sampler and a scheduler."),
      FileKey("budget", .section(budget), "When the study is finished; the first limit reached counts."),
      FileKey(
        "stop-when", .section(stopping), "When the study stops before that; the first condition that holds counts."),
      FileKey("transfer", .section(transfer), "Earlier studies from which this one learns."),
      FileKey("parallel", .integer(minimum: 1, maximum: 10_000), "Trials at a time; 1 when left out."),
      FileKey(
        "command", .anyOf([.list(.text), .text]),
        "The program and its arguments as a list; {name} stands for a parameter's value, \"{flags}\" for all of them."),
      FileKey("shell", .boolean, "Whether command is one text for /bin/sh; values then come in the environment."),
      FileKey("environment", .table(.text), "Variables added to the environment of trials."),
      FileKey("limits", .section(limits), "What one run of a trial may use."),
      FileKey("retries", .section(retries), "How often a trial is tried again."),
      FileKey("seed", .integer(minimum: 0, maximum: Int.max), "Makes a study repeatable; chosen when left out."),
      FileKey("cost", .text, "The metric in which trials report their cost so far; seconds when left out."),
      FileKey("output", .text, "A pattern for reports on standard output, such as: epoch {epoch}: loss {loss}"),
      FileKey("durability", .oneOf(Durability.allCases.map(\.rawValue)), "What an acknowledged result survives."),
      FileKey(
        "grows", .boolean, "Whether programs may add parameters while the study runs; space may then be left out."),
      FileKey("space", .space, "The parameters and their domains."),
      FileKey("constraints", .list(.text, minimum: 0), "Conditions that every configuration satisfies."),
    ])

  static let objective = FileSection(
    name: "an objective",
    keys: [
      FileKey("metric", .text, "The name under which trials report it.", isRequired: true),
      FileKey(
        "goal", .oneOf(Objective.Goal.allCases.map(\.rawValue)), "Which values are better.", isRequired: true),
    ])

  static let fidelity = FileSection(
    name: "fidelity",
    keys: [
      FileKey("name", .text, "The key under which trials report it; resource when left out."),
      FileKey(
        "min", .number(minimum: 0, exclusive: true), "The least at which a trial is judged; 1 when left out."),
      FileKey(
        "max", .number(minimum: 0, exclusive: true), "The resource of a complete trial.", isRequired: true),
      FileKey("integer", .boolean, "Whether it comes in whole numbers; true when left out."),
      FileKey(
        "pause", .oneOf(Fidelity.Pause.allCases.map(\.rawValue)),
        "How a paused trial frees its worker: exit and continue from a checkpoint, or freeze in memory. One that is to be "
          + "frozen is told the maximum as the resource to reach."),
      FileKey(
        "replicates", .boolean,
        "Whether it counts folds or seeds, of whose values a trial's value is the mean; false when left out."),
    ])

  static let method = FileSection(
    name: "method",
    keys: [
      FileKey(
        "sampler", .anyOf([.text, .section(part)]),
        "Which configuration is tried next; auto when left out, random with several objectives."),
      FileKey(
        "scheduler", .anyOf([.text, .section(part)]),
        "Which trials get more resource; with a fidelity asha, or mo-asha with several objectives, and full without when "
          + "left out."),
    ])

  static let part = FileSection(
    name: "a sampler or scheduler",
    keys: [FileKey("name", .text, "Its name; the other keys are its options.", isRequired: true)],
    isOpen: true)

  static let budget = FileSection(
    name: "budget",
    keys: [
      FileKey("trials", .integer(minimum: 1, maximum: 1_000_000_000), "The number of configurations tried."),
      FileKey("time", .seconds, "The time during which trials run."),
      FileKey("cost", .number(minimum: 0, exclusive: true), "The total cost of all trials."),
    ])

  static let stopping = FileSection(
    name: "stop-when",
    keys: [
      FileKey(
        "gain", .anyOf([.oneOf([StudyReader.noiseWord]), .number(minimum: 0, exclusive: true)]),
        "No more than this is left to gain: a number in the objective's units, or noise."),
      FileKey(
        "price", .number(minimum: 0, exclusive: true),
        "What a unit of cost is worth in the objective's units: the next trial would gain less than it costs."),
      FileKey(
        "regret-gap", .number(minimum: 0, exclusive: true),
        "One more trial changes what a model knows by less than this share, below 1, of what it did at the beginning."),
      FileKey(
        "stagnation", .integer(minimum: 1, maximum: 1_000_000_000), "So many trials in a row brought no improvement."),
    ])

  static let transfer = FileSection(
    name: "transfer",
    keys: [
      FileKey(
        "from", .list(.anyOf([.text, .section(source)])),
        "Stores (.trimtab) or exported tables (.jsonl) of the earlier studies.", isRequired: true),
      FileKey(
        "start", .integer(minimum: 0, maximum: Transfer.maximumStart),
        "How many of the first trials take configurations that were good in the earlier studies; 5 when left out."),
      FileKey(
        "box", .boolean,
        "Whether ranges and choices are narrowed to where the best of each earlier study lies; false when left out."),
    ])

  static let source = FileSection(
    name: "an earlier study",
    keys: [
      FileKey("store", .text, "The store (.trimtab) or exported table (.jsonl) that holds it.", isRequired: true),
      FileKey("study", .text, "Its name, if the store holds several."),
    ])

  static let limits = FileSection(
    name: "limits",
    keys: [
      FileKey("time", .seconds, "The longest run of a trial."),
      FileKey("memory", .bytes, "The memory of a trial with all its processes."),
      FileKey("grace", .seconds, "The time between asking a trial to stop and ending it; 10s when left out."),
      FileKey("log", .bytes, "The output kept of a trial; 64MiB when left out."),
    ])

  static let retries = FileSection(
    name: "retries",
    keys: [
      FileKey(
        "failed", .integer(minimum: 0, maximum: 1000),
        "Further attempts after a crash, a time-out or lack of memory; 0 when left out."),
      FileKey(
        "lost", .integer(minimum: 0, maximum: 1000),
        "Further attempts after the tuning process or its machine died; 3 when left out."),
      FileKey("backoff", .seconds, "The pause before the first further attempt, doubled each time; 1s when left out."),
    ])
}

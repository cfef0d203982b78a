import TrimtabSearchSpaces

extension StudySpec {
  /// The study file in canonical form, as the log keeps it: the keys of a study file in a fixed order, defaults left out.
  ///
  /// The method is always written out, because its default depends on the fidelity. `parse(json.text)` gives a
  /// specification with the same canonical form; values that no study file may have make it fail.
  public var json: JSONValue {
    let fidelity = self.fidelity.map { fidelity in
      JSONValue.members([
        "name": Self.unless(fidelity.name == StudyReader.resourceName, .string(fidelity.name)),
        "min": Self.unless(fidelity.minimum == 1, .number(fidelity.minimum)),
        "max": .number(fidelity.maximum),
        "integer": Self.unless(fidelity.isInteger, .bool(false)),
        "pause": Self.unless(fidelity.pause == .exit, .string(fidelity.pause.rawValue)),
        "replicates": Self.unless(!fidelity.countsReplicates, .bool(true)),
      ])
    }
    let budget = JSONValue.members([
      "trials": self.budget.trials.map { .integer($0) },
      "time": self.budget.seconds.map { .number($0) },
      "cost": self.budget.cost.map { .number($0) },
    ])
    let usualLimits = Limits()
    let limits = JSONValue.members([
      "time": self.limits.seconds.map { .number($0) },
      "memory": self.limits.memory.map { .integer($0) },
      "grace": Self.unless(self.limits.grace == usualLimits.grace, .number(self.limits.grace)),
      "log": Self.unless(self.limits.log == usualLimits.log, .integer(self.limits.log)),
    ])
    let usualRetries = Retries()
    let retries = JSONValue.members([
      "failed": Self.unless(self.retries.failed == usualRetries.failed, .integer(self.retries.failed)),
      "lost": Self.unless(self.retries.lost == usualRetries.lost, .integer(self.retries.lost)),
      "backoff": Self.unless(self.retries.backoff == usualRetries.backoff, .number(self.retries.backoff)),
    ])
    let variables = environment.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, .string($0.value)) }
    return .members([
      "study": .string(name),
      "objective": objectives.count == 1 ? Self.json(objectives[0]) : nil,
      "objectives": objectives.count == 1 ? nil : .array(objectives.map(Self.json)),
      "outcome-constraints": Self.unless(
        outcomeConstraints.isEmpty, .array(outcomeConstraints.map { .string($0.text) })),
      "fidelity": fidelity,
      "method": method.json,
      "budget": Self.unless(self.budget == Budget(), budget),
      "stop-when": stopping.map(\.json),
      "transfer": transfer.map(\.json),
      "parallel": Self.unless(parallel == 1, .integer(parallel)),
      "command": Self.unless(command.isEmpty, .array(command.map { .string($0) })),
      "environment": Self.unless(variables.isEmpty, .object(variables)),
      "limits": Self.unless(self.limits == usualLimits, limits),
      "retries": Self.unless(self.retries == usualRetries, retries),
      // A seed above 2^63 is no JSON integer; as a text it is refused when it is read.
      "seed": seed.map { seed in Int(exactly: seed).map { .integer($0) } ?? .string(String(seed)) },
      "cost": costMetric.map { .string($0) },
      "output": outputPattern.map { .string($0) },
      "durability": Self.unless(durability == .durable, .string(durability.rawValue)),
      "grows": Self.unless(!grows, .bool(true)),
      "space": Self.unless(space.parameters.isEmpty, space.json),
      "constraints": Self.unless(space.constraints.isEmpty, space.constraintsJSON),
    ])
  }

  static func unless(_ isUsual: Bool, _ value: @autoclosure () -> JSONValue) -> JSONValue? {
    isUsual ? nil : value()
  }

  private static func json(_ objective: Objective) -> JSONValue {
    .members(["metric": .string(objective.metric), "goal": .string(objective.goal.rawValue)])
  }
}

extension MethodSpec {
  /// The method as the `method` mapping of a study file.
  public var json: JSONValue { .members(["sampler": sampler.json, "scheduler": scheduler.json]) }
}

extension PartSpec {
  var json: JSONValue {
    if self.options.isEmpty { return .string(name) }
    let options = self.options.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, $0.value.json) }
    return .object([.init("name", .string(name))] + options)
  }
}

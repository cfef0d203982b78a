import Trimtab

/// What a study's method says of its proposals and its model.
enum MethodView {
  // MARK: A proposal

  static func showWhy(_ trial: TrialNumber, _ location: StudyLocation, _ state: StudyState, json: Bool) throws {
    let explanation = try ProposalExplanation.explain(trial, try location.openLog()) {
      try Catalogue.makeMethod($0)
    }
    guard let explanation else {
      throw CommandError(
        .notFound, "no method proposed trial \(trial): a person put it in the queue, or it continues another trial")
    }
    if json {
      print(document(explanation, trial, state).prettyText)
    } else {
      Output.print(lines(explanation, trial, state))
    }
  }

  private static func lines(_ explanation: Explanation, _ trial: TrialNumber, _ state: StudyState) -> [String] {
    var list = FieldList(width: Output.textWidth)
    list.add("trial", "\(trial) of \(state.spec.name)")
    list.add("values", state.spec.space.values(of: state.history.configuration(trial)).map { "\($0.name)=\($0.value)" })
    for fact in explanation.facts { list.add(printable(fact.name), printable(fact.text)) }
    var lines = list.lines
    guard !explanation.neighbours.isEmpty else { return lines }
    lines += ["", "nearest trials with a value"]
    let metric = state.spec.objectives[0].metric
    var table = Table([
      .init("trial", .right), .init("distance", .right), .init(printable(metric), .right), .init("values", .left),
    ])
    table.rows = explanation.neighbours.map { neighbour in
      [
        "\(neighbour.trial)", Shown.number(neighbour.distance), Shown.number(state.trials[neighbour.trial].value),
        state.spec.space.values(of: state.history.configuration(neighbour.trial)).map { "\($0.name)=\($0.value)" }
          .joined(separator: " "),
      ]
    }
    return lines + table.lines(width: Output.tableWidth).map { "  " + $0 }
  }

  private static func document(_ explanation: Explanation, _ trial: TrialNumber, _ state: StudyState) -> JSONValue {
    .members([
      "trial": .number(Double(trial)),
      "facts": json(explanation.facts),
      "nearest": .array(
        explanation.neighbours.map {
          .members([
            "trial": .number(Double($0.trial)), "distance": .number($0.distance),
            "value": .number(state.trials[$0.trial].value),
          ])
        }),
    ])
  }

  private static func json(_ facts: [Fact]) -> JSONValue {
    .array(
      facts.map {
        .members([
          "name": .string($0.name), "text": .string($0.text), "number": $0.number.map { .number($0) } ?? .null,
        ])
      })
  }

  // MARK: The model

  static func showModel(_ location: StudyLocation, json isJSON: Bool) throws {
    let log = try location.openLog()
    guard let report = try ProposalExplanation.modelReport(log, makeMethod: { try Catalogue.makeMethod($0) }) else {
      throw CommandError(
        .notFound, "the study's method has no model to show: it keeps none, or too few trials have a value")
    }
    if isJSON {
      print(
        JSONValue.members([
          "facts": json(report.facts),
          "predictions": .array(
            report.predictions.map {
              .members([
                "trial": .number(Double($0.trial)), "observed": .number($0.observed),
                "predicted": .number($0.predicted), "deviation": .number($0.deviation),
              ])
            }),
        ]).prettyText)
      return
    }
    var list = FieldList(width: Output.textWidth)
    for fact in report.facts { list.add(printable(fact.name), printable(fact.text)) }
    var lines = list.lines + ["", "each trial, predicted from the others"]
    var table = Table([
      .init("trial", .right), .init("observed", .right), .init("predicted", .right), .init("± 68 %", .right),
      .init("off by", .right),
    ])
    table.rows = report.predictions.map {
      [
        "\($0.trial)", Shown.number($0.observed), Shown.number($0.predicted), Shown.number($0.deviation),
        $0.deviation > 0 ? Shown.number(($0.observed - $0.predicted) / $0.deviation) : "",
      ]
    }
    lines += table.lines(width: Output.tableWidth).map { "  " + $0 }
    Output.print(lines)
  }
}

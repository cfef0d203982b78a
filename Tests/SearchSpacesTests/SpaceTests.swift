import TrimtabSearchSpaces
import TrimtabTestSupport
import XCTest

final class SpaceTests: XCTestCase {
  private func message(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)" }
  }

  // MARK: What a space refuses

  func testImpossibleRangesAreRefused() {
    func domain(
      _ low: Double, _ high: Double, _ scale: Scale = .linear, step: Double? = nil, prior: Prior? = nil,
      isInteger: Bool = false
    ) -> String? {
      message {
        _ = try NumericDomain(low: low, high: high, scale: scale, step: step, prior: prior, isInteger: isInteger)
      }
    }
    XCTAssertNil(domain(0, 1))
    XCTAssertNil(domain(1, 1))
    XCTAssertEqual(domain(2, 1), "low 2 is above high 1 (swap them)")
    XCTAssertEqual(domain(.nan, 1), "a bound is not a number (give low and high as numbers)")
    XCTAssertEqual(
      domain(0, .infinity), "an unbounded range needs a prior (give low and high, or a prior such as {normal: [0, 1]})")
    XCTAssertEqual(
      domain(0, 1, .log), "a log scale needs low above 0, not 0 (raise low, or use scale: linear)")
    XCTAssertNotNil(domain(0, 1, .logit))
    XCTAssertNotNil(domain(0.1, 1, .logit))
    XCTAssertNotNil(domain(1, 8, .log, step: 2))
    XCTAssertNil(domain(2, 8, .log, step: 2))
    XCTAssertEqual(
      domain(0, 1, step: 0.3),
      "high 1 is not low plus a whole number of steps of 0.3 (use high: 0.8999999999999999 or 1.2)")
    XCTAssertNotNil(domain(0, 1, step: 0))
    XCTAssertNotNil(domain(0, 1, step: -0.5))
    XCTAssertNotNil(domain(0.5, 2, isInteger: true))
    XCTAssertNotNil(domain(0, 0x1p60, isInteger: true))
    XCTAssertNotNil(domain(0, 1, prior: .normal(mean: 0, deviation: 0)))
    XCTAssertNotNil(domain(-1, 1, prior: .logNormal(mean: 0, deviation: 1)))
    XCTAssertNotNil(domain(1, 2, .log, prior: .normal(mean: 0, deviation: 1)))
    XCTAssertEqual(
      domain(10, 12, prior: .normal(mean: 0, deviation: 1)),
      "the prior has next to no probability between low and high (move the prior's mean into the range, or raise its "
        + "deviation)")
    XCTAssertNil(domain(4, 12, prior: .normal(mean: 0, deviation: 1)))
    XCTAssertNil(domain(30, 30, prior: .normal(mean: 0, deviation: 1)))
  }

  func testImpossibleParametersAreRefused() {
    func space(_ parameters: Parameter...) -> String? { message { _ = try Space(parameters) } }
    XCTAssertEqual(space(.boolean("a"), .boolean("a")), "a: the name stands twice (rename one of them)")
    XCTAssertEqual(space(.boolean("")), "a parameter has no name")
    XCTAssertNotNil(space(.boolean("a\nb")))
    XCTAssertNotNil(space(.boolean("a`b")))
    XCTAssertNotNil(space(.boolean("a=b")))
    XCTAssertNotNil(space(.boolean("\u{FEFF}a")))
    XCTAssertEqual(
      space(.boolean(String(repeating: "x", count: 151)))?.suffix(40), ": the name is longer than 150 characters")
    XCTAssertEqual(space(.categorical("a", [])), "a: no choices (give at least one)")
    XCTAssertEqual(space(.categorical("a", ["x", "x"])), "a: the same choices stands twice")
    XCTAssertNotNil(space(Parameter("a", .categorical([.integer(1), .text("1")]))))
    XCTAssertNotNil(space(Parameter("a", .simplex([]))))
    XCTAssertNotNil(space(Parameter("a", .permutation([.integer(1), .real(1)]))))
    XCTAssertEqual(
      space(Parameter("a", .boolean, default: .integer(3))),
      "a: default: 3 is not a possible value (possible: false, true)")
    XCTAssertEqual(
      space(Parameter("a", .simplex(["x", "y"]), fixed: .simplex([0.5, 0.6]))),
      "a: fixed value: 0.5,0.6 is not a possible value (weights are at least 0 and sum to 1)")
  }

  // MARK: Small and large spaces

  func testASpaceWithOneValueHasOneConfiguration() throws {
    let space = try Space([
      .float("a", 3...3), .integer("b", 2...2), .categorical("c", ["only"]), Parameter("d", .constant(.integer(7))),
      Parameter("e", .permutation([.text("x")])), Parameter("f", .simplex(["all"])),
    ])
    XCTAssertEqual(space.productCardinality, 1)
    let first = try space.sample(seed: 1, index: 0)
    for index in 1..<20 as Range<UInt64> { XCTAssertEqual(try space.sample(seed: 2, index: index), first) }
    XCTAssertEqual(space.json(of: first).text, #"{"a":3,"b":2,"c":"only","d":7,"e":["x"],"f":[1]}"#)
    XCTAssertTrue(space.contains(first))
    var unit = [Double](repeating: 9, count: space.coordinates.count)
    space.encode(first) { unit[$0] = $1 }
    XCTAssertEqual(unit.count, 4)
    XCTAssertTrue(unit.allSatisfy { $0 == 0.5 }, "\(unit)")
  }

  func testCardinalityCountsConfigurations() throws {
    func cardinality(_ parameters: Parameter...) throws -> Int? { try Space(parameters).productCardinality }
    XCTAssertEqual(
      try cardinality(
        .boolean("a"), .integer("b", 1...10, step: 3), Parameter("c", .permutation((0..<4).map { .integer($0) }))),
      2 * 4 * 24)
    XCTAssertNil(try cardinality(.boolean("a"), .float("b", 0...1)))
    XCTAssertEqual(try cardinality(.float("b", 0...1, step: 0.25)), 5)
    XCTAssertNil(try cardinality(.integer("a", 0...1_000_000_000), .integer("b", 0...1_000_000_000)))
    XCTAssertEqual(try cardinality(Parameter("a", .boolean, fixed: .choice(.boolean(true))), .boolean("b")), 2)
  }

  func testActivityGroupsJoinParametersWithTheSameCondition() throws {
    let space = try Space([
      .boolean("a"), .boolean("b").when("a"), .boolean("c").when("a == true"), .boolean("d").when("a"), .boolean("e"),
    ])
    XCTAssertEqual(space.activityGroups[0], space.activityGroups[4])
    XCTAssertEqual(space.activityGroups[1], space.activityGroups[3])
    XCTAssertEqual(Set(space.activityGroups).count, 3)
  }

  // MARK: Values

  func testValuesOfAConfigurationGiveTheConfigurationBack() throws {
    for seed in 0..<300 as Range<UInt64> {
      let space = randomSpace(seed: seed)
      for index in 0..<5 as Range<UInt64> {
        let configuration = try space.sample(seed: seed, index: index)
        let again = try space.configuration(space.values(of: configuration))
        XCTAssertEqual(again, configuration, "seed \(seed)")
        XCTAssertEqual(again.key, configuration.key)
        // The same values as a command line or a table shows them.
        var texts: [(name: String, value: ParameterValue)] = []
        for (name, value) in space.values(of: configuration) {
          if case .permutation(let items) = value, items.contains(where: { $0.description.contains(",") }) { continue }
          let p = try XCTUnwrap(space.index(of: name))
          texts.append((name, try space.value(value.description, of: p)))
        }
        if texts.count == space.values(of: configuration).count {
          XCTAssertEqual(try space.configuration(texts), configuration, "seed \(seed)")
        }
      }
    }
  }

  func testValuesThatDoNotFitAreRefusedByName() throws {
    let space = try Space(
      [
        .float("lr", 0...1), .integer("n", 0...10, step: 5), .categorical("opt", ["sgd", "adam"]),
        .float("momentum", 0...1).when("opt == sgd"), Parameter("order", .permutation([.text("a"), .text("b")])),
      ], constraints: [try Expression.parse("lr * n <= 5")])
    func refusal(_ values: [(name: String, value: ParameterValue)]) -> String? {
      message { _ = try space.configuration(values) }
    }
    XCTAssertNil(refusal([("lr", .real(0.5)), ("opt", .choice(.text("sgd"))), ("momentum", .integer(1))]))
    XCTAssertEqual(refusal([("lrr", .real(0))]), "lrr: there is no such parameter (did you mean 'lr'?)")
    XCTAssertEqual(refusal([("lr", .real(2))]), "lr: 2 is not a possible value (the range is 0 … 1)")
    XCTAssertEqual(refusal([("lr", .real(.nan))]), "lr: nan is not a possible value (the range is 0 … 1)")
    XCTAssertEqual(refusal([("n", .integer(3))]), "n: 3 is not a possible value (the range is 0 … 10 in steps of 5)")
    XCTAssertEqual(refusal([("opt", .choice(.text("adm")))]), "opt: adm is not a possible value (did you mean 'adam'?)")
    XCTAssertEqual(
      refusal([("opt", .choice(.text("adam"))), ("momentum", .real(0.5))]),
      "momentum: has no meaning in this configuration: it is active only when opt == sgd (leave it out)")
    XCTAssertEqual(refusal([("lr", .real(0.1)), ("lr", .real(0.2))]), "lr: the value is given twice")
    XCTAssertEqual(
      refusal([("lr", .real(1)), ("n", .integer(10))]), "the configuration violates the constraint 'lr * n <= 5'")
    XCTAssertNotNil(refusal([("order", .permutation([.text("a"), .text("a")]))]))
    XCTAssertNotNil(refusal([("order", .permutation([.text("a")]))]))
    XCTAssertNotNil(refusal([("order", .choice(.text("a")))]))
    XCTAssertEqual(message { _ = try space.value("fast", of: 0) }, "lr: 'fast' is not a number")
    XCTAssertNotNil(message { _ = try space.value("inf", of: 0) })
    XCTAssertNotNil(message { _ = try space.value("1e300", of: 1) })
  }

  func testTheDefaultConfigurationTakesDefaultsAndFixedValuesAndCentres() throws {
    let space = try Space([
      Parameter("a", .float(try NumericDomain(low: 0, high: 1)), default: .real(0.125)),
      Parameter("b", .float(try NumericDomain(low: 0, high: 1)), default: .real(0.125), fixed: .real(0.75)),
      .float("c", -1...2), .boolean("d"), .boolean("e").when("not d"),
    ])
    XCTAssertEqual(space.json(of: space.defaultConfiguration()).text, #"{"a":0.125,"b":0.75,"c":0.5,"d":true}"#)
  }

  func testRawValuesOfAnyKindCanBeAskedWhetherTheyBelong() throws {
    let numbers = [-1, -0.5, 0, 0.5, 1, 2, 3, 1e9, 1e300, -1e300, .infinity, -.infinity, .nan]
    for seed in 0..<100 as Range<UInt64> {
      let space = randomSpace(seed: seed)
      for first in numbers {
        for second in numbers {
          let slots = (0..<space.slotCount).map { $0 % 2 == 0 ? first : second }
          let configuration = Configuration(slots: slots)
          if space.contains(configuration) { XCTAssertTrue(space.canHold(configuration)) }
          if space.canHold(configuration) { _ = space.values(of: configuration) }
        }
      }
      for (p, parameter) in space.parameters.enumerated() {
        guard case .permutation(let items) = parameter.domain, items.count > 1 else { continue }
        var twice = Configuration(slots: Array(repeating: .nan, count: space.slotCount))
        for slot in space.slotRanges[p] { twice.slots[slot] = 0 }
        XCTAssertFalse(space.canHold(twice), "an item stands twice")
      }
      XCTAssertFalse(space.contains(Configuration(slots: [])))
      XCTAssertTrue(space.canHold(Configuration(slots: [])))
    }
  }

  // MARK: Amendments

  private func original() throws -> Space {
    try Space([
      .float("lr", 0.1...1), .integer("n", 1...8), .categorical("opt", ["sgd", "adam"]),
      Parameter("size", .ordinal([.integer(1), .integer(2)])), .boolean("amp"), Parameter("k", .constant(.text("x"))),
      Parameter("order", .permutation([.text("a"), .text("b")])), Parameter("mix", .simplex(["web", "code"])),
    ])
  }

  private func refusal(_ change: (inout [Parameter]) throws -> Void) throws -> String? {
    let old = try original()
    var parameters = old.parameters
    try change(&parameters)
    let new = try Space(parameters)
    return message { try new.checkSucceeds(old) }
  }

  func testARunningStudysSpaceMayWidenGrowAndBeFixed() throws {
    XCTAssertNil(try refusal { _ in })
    XCTAssertNil(try refusal { $0[0].domain = .float(try NumericDomain(low: 1e-6, high: 10, scale: .log)) })
    XCTAssertNil(try refusal { $0[0].domain = .float(try NumericDomain(low: 0.4, high: 0.5, step: 0.05)) })
    XCTAssertNil(
      try refusal { $0[0].domain = .float(try NumericDomain(low: 0, high: 1, prior: .normal(mean: 0, deviation: 1))) })
    XCTAssertNil(try refusal { $0[1].domain = .integer(try NumericDomain(low: 1, high: 64, step: 3, isInteger: true)) })
    XCTAssertNil(try refusal { $0[2].domain = .categorical([.text("sgd"), .text("adam"), .text("lion")]) })
    XCTAssertNil(try refusal { $0[3].domain = .ordinal([.integer(1), .real(2), .integer(5)]) })
    XCTAssertNil(try refusal { $0.append(.boolean("new")) })
    XCTAssertNil(try refusal { $0[0].fixedValue = .real(0.5) })
    XCTAssertNil(try refusal { $0[0].defaultValue = .real(0.5) })
    XCTAssertNil(try refusal { $0[0].condition = try Expression.parse("amp") })
  }

  func testARunningStudysSpaceKeepsTheMeaningOfWhatWasObserved() throws {
    let kind =
      "the kind, items or parts of a parameter cannot change in a running study "
      + "(add a parameter of another name at the end)"
    XCTAssertEqual(
      try refusal { $0.remove(at: 7) },
      "mix: a parameter cannot be removed from a running study (fix it to one value instead: fixed: …)")
    XCTAssertEqual(
      try refusal { $0.swapAt(0, 1) },
      "lr: parameters cannot change places in a running study (add new parameters at the end)")
    XCTAssertEqual(
      try refusal { $0.insert(.boolean("new"), at: 0) },
      "lr: parameters cannot change places in a running study (add new parameters at the end)")
    XCTAssertEqual(
      try refusal { $0[2].domain = .categorical([.text("adam"), .text("sgd")]) },
      "opt: choices can only be added at the end in a running study (keep sgd, adam in this order, first)")
    XCTAssertNotNil(try refusal { $0[2].domain = .categorical([.text("sgd")]) })
    XCTAssertNotNil(try refusal { $0[3].domain = .ordinal([.integer(0), .integer(1), .integer(2)]) })
    XCTAssertEqual(
      try refusal { $0[0].domain = .integer(try NumericDomain(low: 0, high: 1, isInteger: true)) }, "lr: " + kind)
    XCTAssertEqual(try refusal { $0[2].domain = .ordinal([.text("sgd"), .text("adam")]) }, "opt: " + kind)
    XCTAssertEqual(try refusal { $0[4].domain = .categorical([.boolean(false), .boolean(true)]) }, "amp: " + kind)
    XCTAssertEqual(try refusal { $0[5].domain = .constant(.text("y")) }, "k: " + kind)
    XCTAssertEqual(try refusal { $0[6].domain = .permutation([.text("a"), .text("b"), .text("c")]) }, "order: " + kind)
    XCTAssertEqual(try refusal { $0[7].domain = .simplex(["code", "web"]) }, "mix: " + kind)
  }

  func testEarlierConfigurationsStayReadableAfterAmendments() throws {
    for seed in 0..<100 as Range<UInt64> {
      let old = randomSpace(seed: seed)
      let configuration = try old.sample(seed: seed, index: 0)
      var parameters = old.parameters
      for i in parameters.indices {
        if case .categorical(let choices) = parameters[i].domain {
          parameters[i].domain = .categorical(choices + [.text("a new choice")])
        }
        if case .float(let domain) = parameters[i].domain, domain.scale == .linear, domain.prior == nil {
          parameters[i].domain = .float(try NumericDomain(low: domain.high + 1, high: domain.high + 2, scale: .linear))
          parameters[i].defaultValue = nil
          parameters[i].fixedValue = nil
        }
      }
      parameters.append(.boolean("added"))
      parameters.append(try .float("added too", 0...1).when("added"))
      let new = try Space(parameters, constraints: [try Expression.parse("`added too` > 0.5")])
      try new.checkSucceeds(old)
      XCTAssertTrue(new.canHold(configuration))
      XCTAssertEqual(
        new.values(of: configuration).map { "\($0.name)=\($0.value)" },
        old.values(of: configuration).map { "\($0.name)=\($0.value)" })
      XCTAssertNil(new.violatedConstraint(configuration), "a constraint on what it has no value for does not apply")
      var padded = configuration
      while padded.slots.count < new.slotCount { padded.slots.append(.nan) }
      XCTAssertEqual(padded, configuration)
      XCTAssertEqual(padded.key, configuration.key)
      new.encode(configuration) { coordinate, unit in
        let parameter = new.coordinates[coordinate].parameter
        XCTAssertEqual(unit.isNaN, new.value(of: parameter, in: configuration) == nil)
        XCTAssertFalse(unit.isInfinite)
      }
    }
  }

  func testASpaceGrowsByOneParameter() throws {
    let space = try original()
    let grown = try space.appending(.boolean("new"))
    try grown.checkSucceeds(space)
    XCTAssertEqual(grown.parameters.count, space.parameters.count + 1)
    XCTAssertThrowsError(try space.appending(.boolean("lr")))
  }
}

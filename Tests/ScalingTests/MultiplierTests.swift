import TrimtabScaling
import XCTest

final class MultiplierTests: XCTestCase {
  private func shape(_ width: Int, _ layers: Int, head: Int = 64) throws -> ModelShape {
    try ModelShape(width: width, layers: layers, headSize: head, name: "test")
  }

  private func table(
    _ p: Parameterisation, _ optimizer: LayerOptimizer = .adamw, width: (Int, Int), layers: (Int, Int) = (2, 2),
    _ change: (inout MultiplierPlan) -> Void = { _ in }
  ) throws -> MultiplierTable {
    var plan = MultiplierPlan(p, optimizer, from: try shape(width.0, layers.0), to: try shape(width.1, layers.1))
    change(&plan)
    return try MultiplierTable(plan)
  }

  private func row(_ table: MultiplierTable, _ name: String) throws -> MultiplierTable.Row {
    try XCTUnwrap(table.rows.first { $0.group.name == name })
  }

  private let triple = ["embedding", "attention_in", "unembedding"]

  func testEverettsExponentsAtEightTimesTheWidth() throws {
    typealias Case = (AlignmentExponents.Family, AlignmentExponents.Alignment, [Double], [Double])
    let h = 0.353553
    let cases: [Case] = [
      (.standard, .full, [1, 0.125, 0.125], [h, h, 1]), (.standard, .none, [1, h, h], [h, h, 1]),
      (.neuralTangent, .full, [1, h, h], [h, 0.125, h]), (.neuralTangent, .none, [1, 1, 1], [h, 0.125, h]),
      (.maximalUpdate, .full, [h, 0.125, h], [h, 0.125, h]), (.maximalUpdate, .none, [h, h, 1], [h, 0.125, h]),
      (.meanField, .full, [1, h, 1], [0.125, 0.044194, 0.125]),
      (.meanField, .none, [1, 1, 2.828427], [0.125, 0.044194, 0.125]),
    ]
    for (family, alignment, rates, epsilons) in cases {
      let found = try table(.aligned(family, alignment), width: (256, 2048))
      for (i, name) in triple.enumerated() {
        let row = try row(found, name)
        XCTAssertEqual(row.learningRate, rates[i], accuracy: 1e-6, "\(family) \(alignment) \(name)")
        XCTAssertEqual(row.epsilon, epsilons[i], accuracy: 1e-6, "\(family) \(alignment) \(name)")
      }
    }
    // A row of the unscaled kind has no multiplier, whatever the family.
    let found = try table(.aligned(.maximalUpdate, .full), width: (256, 2048))
    XCTAssertEqual(try row(found, "norm").learningRate, 1, accuracy: 1e-12)
  }

  func testEverettsRatesUnderAdafactorAndSGDFollowFromTheStepsTheyMake() throws {
    // Parameters of RMS n^−b give Adafactor's steps that factor by themselves.
    var found = try table(.aligned(.standard, .full), .adafactor, width: (256, 2048))
    for (name, rate) in zip(triple, [1, 0.353553, 0.353553]) {
      XCTAssertEqual(try row(found, name).learningRate, rate, accuracy: 1e-6)
    }
    found = try table(.aligned(.standard, .full), .adafactor, width: (256, 2048)) { $0.scalesByParameter = false }
    XCTAssertEqual(try row(found, "attention_in").learningRate, 0.125, accuracy: 1e-12)
    // In the symmetric form of muP SGD needs no factor at all.
    found = try table(.aligned(.maximalUpdate, .full), .sgd, width: (256, 2048))
    for name in triple { XCTAssertEqual(try row(found, name).learningRate, 1, accuracy: 1e-12) }
  }

  func testThePublishedTablesOfMuPAreOneParameterisation() {
    // Input, hidden, output as (a, b, c): the tables 3 and 8 of Tensor Programs V, and the form symmetric in both.
    typealias Table = [WidthExponents]
    func table(_ numbers: [(Double, Double, Double)]) -> Table {
      numbers.map { WidthExponents(a: $0.0, b: $0.1, c: $0.2) }
    }
    let adam = [
      table([(0, 0, 0), (0, 0.5, 1), (0, 1, 1)]), table([(0, 0, 0), (0, 0.5, 1), (1, 0, 0)]),
      table([(-0.5, 0.5, 0.5), (0, 0.5, 1), (0.5, 0.5, 0.5)]),
    ]
    let sgd = [table([(0, 0, -1), (0, 0.5, 0), (0, 1, 1)]), table([(0, 0, -1), (0, 0.5, 0), (1, 0, -1)])]
    for (tables, isSGD) in [(adam, false), (sgd, true)] {
      for other in tables.dropFirst() {
        for (x, y) in zip(tables[0], other) { XCTAssertEqual(y.shifted(by: x.a - y.a, isSGD: isSGD), x) }
      }
    }
    let exponents = AlignmentExponents(.maximalUpdate, .full)
    XCTAssertEqual([exponents.input, exponents.hidden, exponents.output], adam[2])
  }

  func testMuPFromACerebrasBase() throws {
    var found = try table(.maximalUpdate, width: (256, 2048))
    var hidden = try row(found, "attention_in")
    XCTAssertEqual(0.08 * hidden.initialDeviation, 0.0282843, accuracy: 1e-7)
    XCTAssertEqual(0.006 * hidden.learningRate, 7.5e-4, accuracy: 1e-12)
    XCTAssertEqual(try row(found, "unembedding").forward, 0.125)
    XCTAssertEqual(try row(found, "feed_forward_out").learningRate, 0.125, "by its own fan-in")
    found = try table(.maximalUpdate, width: (256, 768))
    hidden = try row(found, "attention_in")
    XCTAssertEqual(0.08 * hidden.initialDeviation, 0.0461880, accuracy: 1e-7)
    XCTAssertEqual(0.006 * hidden.learningRate, 0.002, accuracy: 1e-12)
    found = try table(.maximalUpdate, .sgd, width: (256, 2048))
    XCTAssertEqual(try triple.map { try row(found, $0).learningRate }, [8, 1, 8])
    XCTAssertEqual(try row(found, "unembedding").forward, 0.125)
    let wider = try MultiplierTable(
      MultiplierPlan(.maximalUpdate, .adamw, from: try shape(256, 2, head: 64), to: try shape(256, 2, head: 128)))
    XCTAssertEqual(try XCTUnwrap(wider.attentionScale), 0.0625, accuracy: 1e-12)
    let plain = try MultiplierTable(
      MultiplierPlan(.standard, .adamw, from: try shape(256, 2, head: 64), to: try shape(256, 2, head: 128)))
    XCTAssertEqual(try XCTUnwrap(plain.attentionScale), 0.0883883, accuracy: 1e-7)
  }

  func testCompletePAndItsFamily() throws {
    typealias Case = (Int, Int, Double, [Double])
    // Ratio of width, of depth, α; standard deviation, rate, rate of vectors, decay, branch, logits, ε.
    let cases: [Case] = [
      (8, 4, 1, [0.353553, 0.125, 1, 8, 0.25, 0.125, 0.03125]),
      (8, 4, 0.5, [0.353553, 0.0625, 0.5, 8, 0.5, 0.125, 0.0625]),
      (1, 4, 1, [1, 1, 1, 1, 0.25, 1, 0.25]), (4, 8, 1, [0.5, 0.25, 1, 4, 0.125, 0.25, 0.03125]),
      (4, 8, 0.5, [0.5, 0.0883883, 0.353553, 4, 0.353553, 0.25, 0.0883883]),
    ]
    for (m, depth, alpha, expected) in cases {
      let found = try table(.depth(alpha: alpha), width: (256, 256 * m), layers: (2, 2 * depth))
      let hidden = try row(found, "attention_in")
      let values = [
        hidden.initialDeviation, hidden.learningRate, try row(found, "norm").learningRate, hidden.weightDecay,
        found.residualBranch, try row(found, "unembedding").forward, hidden.epsilon,
      ]
      for (value, number) in zip(values, expected) {
        XCTAssertEqual(value, number, accuracy: 1e-6, "\(m) \(depth) \(alpha)")
      }
      XCTAssertEqual(try row(found, "final_norm").learningRate, 1)
      XCTAssertEqual(try row(found, "norm").weightDecay, 0)
      XCTAssertEqual(try row(found, "embedding").weightDecay, 1)
      XCTAssertEqual(try row(found, "embedding").epsilon, 1, "of the residual blocks only")
    }
    let every = try table(.completeP, width: (256, 2048), layers: (2, 8)) { $0.scalesEveryEpsilon = true }
    XCTAssertEqual(try row(every, "embedding").epsilon, 0.03125, accuracy: 1e-12)
  }

  func testCompletePWithBatchAndTokens() throws {
    let plain = try table(.completeP, width: (256, 256))
    let found = try table(.completeP, width: (256, 256)) { ($0.batchRatio, $0.tokenRatio) = (4, 16) }
    for (a, b) in zip(plain.rows, found.rows) {
      XCTAssertEqual(b.learningRate / a.learningRate, 0.5, accuracy: 1e-12)
      XCTAssertEqual(b.weightDecay, 0.5 * a.weightDecay, accuracy: 1e-12)
      XCTAssertEqual(b.epsilon / a.epsilon, 2, accuracy: 1e-12)
    }
    XCTAssertEqual(found.beta(0.9), 0.975, accuracy: 1e-12)
    XCTAssertEqual(found.beta(0.95), 0.9875, accuracy: 1e-12)
    XCTAssertThrowsError(try table(.maximalUpdate, width: (256, 512)) { $0.batchRatio = 2 })
  }

  func testUnitScaling() throws {
    func check(_ values: [Double], _ expected: [Double]) {
      XCTAssertEqual(values.count, expected.count)
      for (a, b) in zip(values, expected) { XCTAssertEqual(a, b, accuracy: 1e-6 * max(1, b)) }
    }
    check(
      UnitScaling.residualWeights(layers: 4),
      [0.5, 0.447214, 0.408248, 0.377964, 0.353553, 0.333333, 0.316228, 0.301511])
    check(
      UnitScaling.residualWeights(layers: 4, residual: 0.5, attentionRatio: 2),
      [0.316228, 0.150756, 0.298142, 0.142857, 0.282843, 0.136083, 0.269680, 0.130189])
    check([1, 0.5, 2].map { UnitScaling.gatedSiLU(multiplier: $0) }, [1.681793, 1.866066, 1.515717])
    check(
      [UnitScaling.attentionOutput(sequence: 1024, headSize: 64, isCausal: true, multiplier: 1)], [12.036951])
    check([UnitScaling.logitGradient(vocabulary: 50257)], [224.182961])
    let found = try table(.unitScaled, .adam, width: (1024, 1024), layers: (8, 8))
    XCTAssertTrue(found.isAbsolute)
    check(
      try ["attention_in", "embedding", "norm", "unembedding"].map { try row(found, $0).learningRate },
      [0.0110485, 0.03125, 0.353553, 1])
  }

  func testMuonMustSayHowItsUpdatesAreScaled() throws {
    XCTAssertThrowsError(try table(.maximalUpdate, .muon, width: (256, 1024)))
    for (scaling, rate) in [(MuonScaling.spectral, 1.0), (.matched, 0.5), (.table, 0.25)] {
      let found = try table(.maximalUpdate, .muon, width: (256, 1024)) { $0.muonScaling = scaling }
      XCTAssertEqual(try row(found, "attention_in").learningRate, rate, accuracy: 1e-12)
      XCTAssertEqual(try row(found, "attention_in").weightDecay * rate, 1, accuracy: 1e-12, "rate × decay stays")
      XCTAssertEqual(try row(found, "embedding").learningRate, 1)
    }
    for (shape, spectral, matched) in [((1024.0, 1024.0), 1.0, 6.4), ((4096, 1024), 2, 12.8), ((1024, 4096), 1, 12.8)] {
      XCTAssertEqual(MuonScaling.spectral.shapeFactor(rows: shape.0, columns: shape.1), spectral, accuracy: 1e-12)
      XCTAssertEqual(MuonScaling.matched.shapeFactor(rows: shape.0, columns: shape.1), matched, accuracy: 1e-12)
    }
  }

  func testTheDecayRulesOfWidth() throws {
    for (m, decay) in [(2, 1.414214), (4, 2), (8, 2.828427)] {
      let found = try table(.maximalUpdate, width: (256, 256 * m)) { $0.decayRule = .sqrt }
      let hidden = try row(found, "attention_in")
      XCTAssertEqual(hidden.weightDecay, decay, accuracy: 1e-6)
      // The greatest singular value, √(η/λ)·d^0.75, stays.
      let ratio =
        (hidden.learningRate / hidden.weightDecay).squareRoot() * Double(m).squareRoot()
        * Double(m).squareRoot().squareRoot()
      XCTAssertEqual(ratio, 1, accuracy: 1e-12)
      XCTAssertEqual(try row(found, "embedding").weightDecay, 0)
    }
    let same = try table(.maximalUpdate, width: (256, 1024)) { $0.decayRule = .constant }
    XCTAssertEqual(try row(same, "attention_in").weightDecay, 1)
  }

  func testAtTheBaseEveryMultiplierIsOne() throws {
    let all: [Parameterisation] =
      [.standard, .maximalUpdate, .depthMaximalUpdate, .completeP]
      + AlignmentExponents.Family.allCases.flatMap { family in
        AlignmentExponents.Alignment.allCases.map { Parameterisation.aligned(family, $0) }
      }
    for p in all {
      for optimizer in LayerOptimizer.allCases where !(p == .completeP && optimizer == .sgd) {
        let found = try table(p, optimizer, width: (512, 512)) { $0.muonScaling = .spectral }
        for row in found.rows {
          XCTAssertEqual([row.initialDeviation, row.forward, row.learningRate, row.epsilon], [1, 1, 1, 1])
          XCTAssertTrue(row.weightDecay == 1 || row.weightDecay == 0)
        }
        XCTAssertEqual(found.residualBranch, 1)
      }
    }
  }

  func testImpossibleShapesAreRefused() {
    XCTAssertThrowsError(try ModelShape(width: 0, layers: 2, name: "base"))
    XCTAssertThrowsError(try ModelShape(width: 100, layers: 2, headSize: 64, name: "base")) {
      XCTAssertTrue("\($0)".contains("no multiple of its head size"), "\($0)")
    }
    XCTAssertThrowsError(try table(.completeP, .sgd, width: (256, 512)))
    XCTAssertThrowsError(try table(.depth(alpha: 2), width: (256, 512)))
  }

  func testAdafactorsRelativeStep() {
    for (t, step, decay) in [(1.0, 0.01, 0.0), (100, 0.01, 0.974881), (1e4, 0.01, 0.999369), (1e6, 0.001, 0.999984)] {
      XCTAssertEqual(AdafactorStep.relativeStep(t), step, accuracy: 1e-12)
      XCTAssertEqual(AdafactorStep.secondMomentDecay(t), decay, accuracy: 1e-6)
    }
  }
}

import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// Every combination of a few values of each parameter, each once.
///
/// No paper. Axes with at most `points` values are taken whole, others at `points` equal distances on their scale; all
/// choices, all orders of a permutation, and the weights of a simplex that are multiples of 1 / (points − 1). The cells
/// come in an order shuffled by the study's seed, so that a study that ends early is a uniform sample of the grid. A
/// proposal's place in the order is its annotation's position.
public struct GridSearch: Sampler {
  static let purpose = stableHash("grid")
  /// Larger grids are refused: nobody finishes them, and random search stops at any time.
  static let maximumCount = 10_000_000

  let points: Int
  let isShuffled: Bool
  /// Made when first needed, from the space that the study has then.
  private var lattice: Lattice?
  private var next = 0

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    points = Self.entry.integer("points", in: part)
    isShuffled = Self.entry.word("order", in: part) == "shuffled"
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    switch event.body {
    case .studyAmended:
      // An amended space may have another grid. What was tried before is passed over.
      lattice = nil
      next = 0
    case .trialProposed(_, .new(let configuration), _, let annotation):
      // A position of another method or another grid has another configuration.
      guard let position = annotation[.position], position >= next, let lattice = prepare(state),
        position < lattice.count,
        lattice.configuration(cell: cell(at: position, lattice, state)) == configuration
      else { return }
      next = position + 1
    default: break
    }
  }

  private mutating func prepare(_ state: StudyState) -> Lattice? {
    if lattice == nil { lattice = Lattice(state.spec.space, points: points) }
    guard let lattice, lattice.count <= Self.maximumCount else { return nil }
    return lattice
  }

  private func cell(at position: Int, _ lattice: Lattice, _ state: StudyState) -> Int {
    guard isShuffled else { return position }
    return KeyedPermutation(count: lattice.count, seed: mix(state.spec.seed ?? 0, Self.purpose))[position]
  }

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    guard let lattice = prepare(state) else {
      return .finished("the grid has more than \(Self.maximumCount) cells")
    }
    for position in next..<max(next, lattice.count) {
      guard let configuration = lattice.configuration(cell: cell(at: position, lattice, state)),
        !state.history.contains(configuration)
      else { continue }
      var annotation = Annotation(origin: .design)
      annotation[.position] = position
      return .configuration(configuration, annotation)
    }
    return .finished("every cell of the grid has been tried")
  }

  public func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    Explanation(
      [Fact("method", "a cell of the grid: what other trials gave plays no part")],
      neighbours: Self.neighbours(of: configuration, before: trial, state: state))
  }
}

extension GridSearch {
  /// What the catalogue says of it.
  public static let entry: CatalogueEntry = CatalogueEntry(
    role: .sampler, name: "grid", title: "Grid search",
    summary: "Tries every combination of a few values of each parameter, in random order.",
    paper: nil, takes: Set(CatalogueEntry.Ability.allCases), needsFidelity: false,
    options: [
      MethodOption(
        name: "points", kind: .integer(1...1_000_000), defaultValue: .integer(5),
        meaning: "the number of values on an axis that has more"),
      MethodOption(
        name: "order", kind: .word(["shuffled", "declared"]), defaultValue: .text("shuffled"),
        meaning: "the order of the cells; declared varies the last parameter fastest"),
    ], takesOutcomeConstraints: true,
    inspect: { spec in
      let points = entry.integer("points", in: spec.method.sampler)
      let count = Lattice(spec.space, points: points)?.count
      if let count, count <= maximumCount { return [] }
      return [
        MethodProblem(
          ["method", "sampler"],
          "the grid has \(count.map(String.init) ?? "more than 2^53") cells, and at most \(maximumCount) are possible",
          hint: "lower points, fix some parameters, or use sampler: sobol")
      ]
    })
}

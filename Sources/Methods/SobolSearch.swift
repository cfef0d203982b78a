import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// The points of one scrambled Sobol sequence: a random search without its gaps and clusters.
///
/// Sources: Sobol', USSR Comput. Math. Math. Phys. 7(4), 1967; Joe & Kuo, SIAM J. Sci. Comput. 30, 2008. Every coordinate
/// of the space has a dimension of its own, whether active or not, so conditions do not disturb the balance of the
/// others. A proposal's index is its annotation's position; the next proposal takes the index after the greatest seen.
/// Points that violate a constraint or were tried before are passed over.
public struct SobolSearch: Sampler {
  static let purpose = stableHash("sobol")

  /// Made when first needed, from the space that the study has then.
  private var sequence: SobolSequence?
  private var next: UInt64 = 0

  public init() {}

  public mutating func absorb(_ event: Event, state: StudyState) {
    switch event.body {
    case .studyAmended:
      // Earlier coordinates keep their dimension, so the sequence goes on.
      sequence = nil
    case .trialProposed(_, .new(let configuration), _, let annotation):
      // A position of another method gives another configuration.
      guard let position = annotation[.position], position >= 0, UInt64(position) < SobolSequence.period,
        UInt64(position) >= next, let sequence = prepare(state),
        state.spec.space.configuration(unit: sequence.point(at: UInt64(position))) == configuration
      else { return }
      next = UInt64(position) + 1
    default: break
    }
  }

  private mutating func prepare(_ state: StudyState) -> SobolSequence? {
    if let sequence { return sequence }
    let dimension = max(1, state.spec.space.coordinates.count)
    sequence = try? SobolSequence(dimension: dimension, seed: mix(state.spec.seed ?? 0, Self.purpose))
    return sequence
  }

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    let space = state.spec.space
    guard let sequence = prepare(state) else {
      return .finished(
        "a Sobol sequence has \(SobolSequence.maximumDimension) coordinates, and the space \(space.coordinates.count)")
    }
    // Far more indices than one sample can pass over.
    guard next + UInt64(Space.maximumDraws * (FreshDraw.redraws + 1)) < SobolSequence.period else {
      return .finished("the Sobol sequence has no further points")
    }
    var position = next
    var point = [Double](repeating: 0, count: sequence.dimension)
    return try FreshDraw(purpose: Self.purpose, trial: trial, state: state).sample(origin: .design) {
      _ throws(SpaceError) in
      let configuration = try space.firstSatisfying { _ in
        sequence.point(at: position, into: &point)
        position += 1
        return space.configuration(unit: point)
      }
      var annotation = Annotation(origin: .design)
      annotation[.position] = Int(position) - 1
      return (configuration, annotation)
    }
  }

  public func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    Explanation(
      [Fact("method", "the next point of a Sobol sequence: what other trials gave plays no part")],
      neighbours: Self.neighbours(of: configuration, before: trial, state: state))
  }
}

extension SobolSearch {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "sobol", title: "Scrambled Sobol sequence",
    summary: "Fills the space evenly, however many trials are made.",
    paper: .init(
      authors: "S. Joe, F. Y. Kuo", title: "Constructing Sobol sequences with better two-dimensional projections",
      year: 2008, venue: "SIAM Journal on Scientific Computing 30(5)"),
    takes: Set(CatalogueEntry.Ability.allCases), needsFidelity: false, options: [], takesOutcomeConstraints: true,
    inspect: { spec in
      let count = spec.space.coordinates.count
      guard count > SobolSequence.maximumDimension else { return [] }
      return [
        MethodProblem(
          ["method", "sampler"],
          "the space has \(count) coordinates, and a Sobol sequence at most \(SobolSequence.maximumDimension)",
          hint: "use sampler: random")
      ]
    })
}

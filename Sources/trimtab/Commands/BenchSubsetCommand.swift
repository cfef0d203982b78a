import ArgumentParser
import Trimtab
import TrimtabAnalysis
import TrimtabBenchmarks

struct BenchSubsetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "subset", abstract: "Choose few problems of a suite that represent all of them.",
    discussion: """
      Each problem is a point whose coordinates are the methods' regrets on it; the choice is the one whose star \
      discrepancy to all of them is least, as far as local search finds it. Runs must have been made.
      """)

  @OptionGroup var arguments: SuiteArguments

  @Option(help: ArgumentHelp("How many problems to choose.", valueName: "n"))
  var size: Int

  @Flag(help: "Choose a second, disjoint subset for testing what was developed on the first.")
  var split = false

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    try reporting {
      let (suite, problems) = try arguments.open()
      let comparison = try SuiteComparison(
        suite, role: arguments.seeds, problems: problems, store: try ResultStore(path: arguments.existingResults()))
      let count = comparison.tasks.count
      guard size >= 1, size * (split ? 2 : 1) <= count else {
        throw CommandError(
          .badInput, "--size \(size) is not possible: \(Shown.count(count, "problem")) to choose from")
      }
      let final = comparison.normalisedRegrets(atShares: [1]).map { task in task.map { runs in runs.map { $0[0] } } }
      let points = try performancePoints(seedMeans(final))
      let labels = comparison.tasks.map(\.problem.label)
      var subsets: [(name: String, subset: RepresentativeSubset)] = []
      if split {
        let both = try RepresentativeSubset.developmentAndTest(
          of: points, size: size, reference: .points(points), restarts: Self.restarts, seed: suite.seed)
        subsets = [("development", both.development), ("test", both.test)]
      } else {
        let subset = try RepresentativeSubset(
          of: points, size: size, reference: .points(points), restarts: Self.restarts, seed: suite.seed)
        subsets = [("subset", subset)]
      }
      if json {
        print(
          JSONValue.object(
            subsets.map { name, subset in
              .init(
                name,
                .members([
                  "problems": .array(subset.indices.map { .string(labels[$0]) }),
                  "discrepancy": .number(subset.discrepancy),
                ]))
            }
          ).prettyText)
        return
      }
      for (name, subset) in subsets {
        print("\(name), star discrepancy \(Shown.number(subset.discrepancy)):")
        for index in subset.indices { print("  \(labels[index])") }
      }
    }
  }

  private static let restarts = 200
}

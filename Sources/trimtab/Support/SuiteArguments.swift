import ArgumentParser
import Trimtab
import TrimtabBenchmarks

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The arguments by which commands name a suite and its results.
struct SuiteArguments: ParsableArguments {
  @Argument(help: "A suite file (.yaml, .yml or .json).")
  var suite: String

  @Option(help: ArgumentHelp("The file of results, if it is not beside the suite file.", valueName: "path"))
  var results: String?

  @Option(help: "The seeds to use: test for what is reported, tuning for developing.")
  var seeds = SeedRole.test

  @Flag(help: "Leave out problems whose data is not here, instead of ending with an error.")
  var skipMissing = false

  /// The suite with its patterns replaced by the problems that they stand for, and the problems by label.
  func open() throws -> (suite: Suite, problems: [String: any Problem]) {
    var suite = try read()
    let library = ProblemLibrary.standard
    var problems: [String: any Problem] = [:]
    suite.problems = try suite.problems.flatMap { entry in
      do {
        let entries = try library.expand([entry])
        for entry in entries { problems[entry.label] = try library.problem(entry) }
        return entries
      } catch let error as ProblemError where skipMissing {
        printError("note: left out: \(error)")
        return []
      }
    }
    for entry in suite.problems where problems[entry.label]?.fidelity == nil {
      guard let method = suite.methods.first(where: \.usesFidelity) else { break }
      throw CommandError(
        .badInput,
        "\(self.suite): \(method.name) needs a fidelity, and \(entry.label) has none (leave one of them out)")
    }
    return (suite, problems)
  }

  private func read() throws -> Suite {
    guard StudyLocation.isStudyFile(suite) else {
      throw CommandError(.badInput, "\(suite): a suite file ends in .yaml, .yml or .json")
    }
    return try Suite.parse(
      try readText(suite), name: suite, defaultName: StudyLocation.stem(of: suite), peers: Peers.known)
  }

  /// `first.yaml` has its results in `first.results` beside it.
  var resultsPath: String {
    results ?? "\(StudyLocation.folder(of: suite))/\(StudyLocation.stem(of: suite)).results"
  }

  /// The results, which `bench run` has to have begun.
  func existingResults() throws -> String {
    guard access(resultsPath, F_OK) == 0 else {
      throw CommandError(
        .notFound, "\(shownPath(resultsPath)): there are no results yet (run 'trimtab bench run \(suite)' first)")
    }
    return resultsPath
  }

  /// `first.yaml` has its page in `first.html` beside it.
  var pagePath: String { "\(StudyLocation.folder(of: suite))/\(StudyLocation.stem(of: suite)).html" }
}

extension SeedRole: ExpressibleByArgument {}

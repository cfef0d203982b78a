import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

final class StudyErrorTests: XCTestCase {
  private func errors(_ text: String, defaultName: String = "digits") -> String {
    do {
      _ = try StudyFile.parse(text, name: "study.yaml", defaultName: defaultName)
      return "no error"
    } catch { return error.description }
  }

  /// A valid file with one line more or in place of another.
  private func errors(with line: String, insteadOf key: String = "") -> String {
    var lines = """
      objective: {metric: loss, goal: minimize}
      command: [./train, "{flags}"]
      space:
        lr: {type: float, low: 1e-4, high: 1, scale: log}
        opt: {type: categorical, choices: [sgd, adam]}
      """.split(separator: "\n").map(String.init)
    if !key.isEmpty { lines.removeAll { $0.hasPrefix(key) || (key == "space:" && $0.hasPrefix(" ")) } }
    return errors(([line] + lines).joined(separator: "\n"))
  }

  func testTwoParametersThatShareAnEnvironmentVariableAreRefused() {
    XCTAssertEqual(
      errors(with: "space: {a-b: {type: boolean}, a_b: {type: boolean}}", insteadOf: "space:"),
      """
      study.yaml:1:31: error: 'a_b' and 'a-b' would both be in the environment variable TRIMTAB_PARAM_A_B
        space: {a-b: {type: boolean}, a_b: {type: boolean}}
                                      ^~~
        rename one of them
      """)
  }

  func testAnUnknownKeyIsShownWithTheNearestOne() {
    XCTAssertEqual(
      errors(with: "paralel: 2"),
      """
      study.yaml:1:1: error: a study file has no key 'paralel'
        paralel: 2
        ^~~~~~~
        did you mean 'parallel'?
      """)
    XCTAssertEqual(
      errors(with: "budget: {trails: 60, zzz: 1}"),
      """
      study.yaml:1:10: error: budget has no key 'trails'
        budget: {trails: 60, zzz: 1}
                 ^~~~~~
        did you mean 'trials'?
      study.yaml:1:22: error: budget has no key 'zzz'
        budget: {trails: 60, zzz: 1}
                             ^~~
        possible: trials, time, cost
      """)
  }

  func testAllErrorsOfAFileAreShownInTheOrderOfTheirPlaces() {
    XCTAssertEqual(
      errors(
        """
        study: my study
        objective: {metric: loss, goal: minimise}
        fidelity: {name: epoch, min: 3, max: 2}
        budget: {time: 2 weeks}
        parallel: 0
        seed: -1
        space:
          lr: {type: flaot, low: 0, high: 1}
          momentum: {type: float, low: 0, high: 0.99, when: optimizer == sgd}
          batch: {type: integer, low: 8, hihg: 256}
        """),
      """
      study.yaml:1:8: error: 'my study' cannot be the name of a study
        study: my study
               ^~~~~~~~
        use at most 100 letters, digits, _ - and . , beginning with a letter or digit
      study.yaml:2:33: error: goal must be one of minimize, maximize, not 'minimise'
        objective: {metric: loss, goal: minimise}
                                        ^~~~~~~~
        did you mean 'minimize'?
      study.yaml:3:38: error: max 2 is below min 3
        fidelity: {name: epoch, min: 3, max: 2}
                                             ^
      study.yaml:4:16: error: time must be a time, not '2 weeks'
        budget: {time: 2 weeks}
                       ^~~~~~~
        write seconds, or a time such as 90s, 15m, 2h, 1d or 1h30m
      study.yaml:5:11: error: parallel must be a whole number, 1 … 10000, not '0'
        parallel: 0
                  ^
      study.yaml:6:7: error: seed must be a whole number, at least 0, not '-1'
        seed: -1
              ^~
      study.yaml:8:14: error: 'flaot' is not a type of parameter
          lr: {type: flaot, low: 0, high: 1}
                     ^~~~~
        did you mean 'float'?
      study.yaml:10:3: error: 'batch' has no high
          batch: {type: integer, low: 8, hihg: 256}
          ^~~~~
        add high: a number, or a prior for an unbounded range
      study.yaml:10:34: error: a parameter of type integer has no 'hihg'
          batch: {type: integer, low: 8, hihg: 256}
                                         ^~~~
        did you mean 'high'?
      """)
  }

  func testANumberBeyondAllWholeNumbersIsToldWhereTheyEnd() {
    XCTAssertEqual(
      errors(
        """
        objective: {metric: loss, goal: minimize}
        seed: 9223372036854775808
        space: {x: {type: float, low: 0, high: 1}}
        """),
      """
      study.yaml:2:7: error: seed must be a whole number, 0 … 9223372036854775807, not '9223372036854775808'
        seed: 9223372036854775808
              ^~~~~~~~~~~~~~~~~~~
      """)
  }

  func testConditionsAndConstraintsAreShownAtTheOffendingWord() {
    XCTAssertEqual(
      errors(
        """
        objective: {metric: loss, goal: minimize}
        space:
          optimizer: {type: categorical, choices: [sgd, adam]}
          layers: {type: integer, low: 1, high: 8}
          momentum: {type: float, low: 0, high: 0.99, when: optimiser == sgd}
          beta: {type: float, low: 0, high: 0.99, when: "layers > 2 and optimizer == adm"}
          gamma:
            type: float
            low: 0
            high: 1
            when: >
              layers = 3
        constraints:
          - momentum + layers
          - layers * width <= 512
          - "layers > 1 && layers < 3"
        """),
      """
      study.yaml:11:11: error: '=' has no meaning here
            when: >
                  ^
        write == to compare
      study.yaml:16:17: error: '&&' has no meaning here
          - "layers > 1 && layers < 3"
                        ^~
        write and
      """)
    XCTAssertEqual(
      errors(
        """
        objective: {metric: loss, goal: minimize}
        space:
          optimizer: {type: categorical, choices: [sgd, adam]}
          layers: {type: integer, low: 1, high: 8}
          momentum: {type: float, low: 0, high: 0.99, when: optimiser == sgd}
          beta: {type: float, low: 0, high: 0.99, when: "layers > 2 and optimizer == adm"}
        constraints:
          - momentum + layers
          - layers * width <= 512
        """),
      """
      study.yaml:5:53: error: there is no parameter 'optimiser'
          momentum: {type: float, low: 0, high: 0.99, when: optimiser == sgd}
                                                            ^~~~~~~~~
        did you mean 'optimizer'?
      study.yaml:6:78: error: 'adm' is not a choice of 'optimizer'
          beta: {type: float, low: 0, high: 0.99, when: "layers > 2 and optimizer == adm"}
                                                                                     ^~~
        did you mean 'adam'?
      study.yaml:8:5: error: 'momentum + layers' is not a condition
          - momentum + layers
            ^~~~~~~~~~~~~~~~~
        compare it with a value, for example momentum + layers <= 1
      study.yaml:9:14: error: there is no parameter 'width'
          - layers * width <= 512
                     ^~~~~
        possible: optimizer, layers, momentum, beta
      """)
  }

  func testTheCommandsTemplatesAreChecked() {
    XCTAssertEqual(
      errors(with: #"command: [./train, "--lr={lrr}", "--x={", "}", "x{flags}", {opt}]"#, insteadOf: "command"),
      """
      study.yaml:1:26: error: there is no parameter 'lrr'
        command: [./train, "--lr={lrr}", "--x={", "}", "x{flags}", {opt}]
                                 ^~~~~
        did you mean {lr}?
      study.yaml:1:39: error: '{' without a '}' after it
        command: [./train, "--lr={lrr}", "--x={", "}", "x{flags}", {opt}]
                                              ^
        write {{ for the character {
      study.yaml:1:44: error: '}' without a '{' before it
        command: [./train, "--lr={lrr}", "--x={", "}", "x{flags}", {opt}]
                                                   ^
        write }} for the character }
      study.yaml:1:50: error: {flags} must be an argument of its own
        command: [./train, "--lr={lrr}", "--x={", "}", "x{flags}", {opt}]
                                                         ^~~~~~~
        it becomes one argument for each parameter
      study.yaml:1:60: error: an argument must be text, not a mapping
        command: [./train, "--lr={lrr}", "--x={", "}", "x{flags}", {opt}]
                                                                   ^
        quote arguments with braces: "{name}"
      """)
  }

  func testATextAsCommandAsksForAListOrTheShell() {
    XCTAssertEqual(
      errors(with: "command: python3 train.py --lr 1", insteadOf: "command"),
      """
      study.yaml:1:10: error: command must be a list of arguments, not one text
        command: python3 train.py --lr 1
                 ^~~~~~~~~~~~~~~~~~~~~~~
        write [python3, train.py, --lr, 1], or add shell: true to run the text with /bin/sh
      """)
    XCTAssertEqual(
      errors(with: "shell: true\ncommand: ./train --lr {lr} | tee log", insteadOf: "command"),
      """
      study.yaml:2:23: error: templates such as {lr} are not replaced in a shell text
        command: ./train --lr {lr} | tee log
                              ^~~~
        use the environment, for example "$TRIMTAB_PARAM_…", or write the command as a list
      """)
    XCTAssertEqual(
      errors(with: "shell: true"),
      """
      study.yaml:1:8: error: with shell: true the command is one text, not a list
        shell: true
               ^~~~
        write the command as one text, or drop shell: true
      """)
  }

  func testAFlagThatWouldStayWithoutItsValueIsNoticed() {
    XCTAssertEqual(
      errors(
        """
        objective: {metric: loss, goal: minimize}
        command: [./train, --lr, "{lr}", --momentum, "{momentum}"]
        space:
          lr: {type: float, low: 0, high: 1}
          momentum: {type: float, low: 0, high: 1, when: lr < 0.5}
        """),
      """
      study.yaml:2:46: error: where 'momentum' is inactive this argument is dropped, but --momentum before it stays
        command: [./train, --lr, "{lr}", --momentum, "{momentum}"]
                                                     ^~~~~~~~~~~~
        write both as one argument: "--momentum={momentum}"
      """)
  }

  func testReservedNamesCannotBeParameters() {
    XCTAssertEqual(
      errors(
        """
        objective: {metric: loss, goal: minimize}
        space:
          seed: {type: integer, low: 0, high: 9}
        """),
      """
      study.yaml:3:3: error: 'seed' cannot be a parameter's name: {seed} has a meaning of its own in commands
          seed: {type: integer, low: 0, high: 9}
          ^~~~
        choose another name, for example seed_value
      """)
  }

  func testWhatIsMissingIsNamed() {
    XCTAssertEqual(
      errors("study: x\n"),
      """
      study.yaml:1:1: error: a study file has no objective
        study: x
        ^
        add objective: {metric: loss, goal: minimize}
      study.yaml:1:1: error: a study file has no space
        study: x
        ^
        add space: …
      """)
    XCTAssertEqual(
      errors(with: "objective: {metric: loss}", insteadOf: "objective"),
      """
      study.yaml:1:12: error: an objective has no goal
        objective: {metric: loss}
                   ^
        add goal: minimize or goal: maximize
      """)
    XCTAssertEqual(
      errors("objective: {metric: loss, goal: minimize}\nspace: {a: {type: boolean}}\n", defaultName: "my study"),
      """
      study.yaml:1:1: error: the study has no name, and 'my study' cannot be one
        objective: {metric: loss, goal: minimize}
        ^
        add study: a-name
      """)
    XCTAssertEqual(errors(""), "study.yaml:1:1: error: the file is empty")
    XCTAssertEqual(
      errors("- a\n"),
      """
      study.yaml:1:1: error: a study file must be a mapping, not a list
        - a
        ^
        its keys are study, objective, objectives, outcome-constraints, fidelity, method, budget, stop-when, transfer, parallel, command, \
      shell, environment, limits, retries, seed, cost, output, durability, grows, space, constraints
      """)
  }

  func testSeveralObjectivesAreDistinctAndInOnePlace() {
    XCTAssertEqual(
      errors(with: "objectives: [{metric: a, goal: minimize}]"),
      """
      study.yaml:1:13: error: there is an objective already
        objectives: [{metric: a, goal: minimize}]
                    ^
        keep either objective or objectives
      """)
    XCTAssertEqual(
      errors(
        with:
          "objectives:\n  - {metric: a, goal: minimize}\n  - {metric: a, goal: maximize}\n  - {metric: fail, goal: maximize}",
        insteadOf: "objective"),
      """
      study.yaml:3:5: error: the metric 'a' is an objective already
          - {metric: a, goal: maximize}
            ^
      study.yaml:4:14: error: 'fail' has a meaning of its own in reports and cannot be the metric
          - {metric: fail, goal: maximize}
                     ^~~~
        choose another name
      """)
    XCTAssertEqual(
      errors(with: "fidelity: {name: loss, max: 9}"),
      """
      study.yaml:1:18: error: 'loss' is a metric and cannot be the fidelity's name too
        fidelity: {name: loss, max: 9}
                         ^~~~
        choose another name
      """)
  }

  func testTheOutputPatternIsChecked() {
    XCTAssertEqual(
      errors(with: "output: \"accuracy {acc}\""),
      """
      study.yaml:1:10: error: the pattern does not contain {loss}
        output: "accuracy {acc}"
                 ^~~~~~~~~~~~~~
        for example loss {loss}
      """)
    XCTAssertEqual(
      errors(with: "output: \"loss {loss}{acc}\""),
      """
      study.yaml:1:21: error: there is nothing between two numbers
        output: "loss {loss}{acc}"
                            ^~~~~
        write the text that separates them
      """)
    XCTAssertEqual(
      errors(with: "output: loss {loss}\nfidelity: {name: epoch, max: 9}"),
      """
      study.yaml:1:9: error: the pattern does not contain {epoch}, so its reports would have no place
        output: loss {loss}
                ^~~~~~~~~~~
        print the fidelity and the metric on the same line
      """)
    XCTAssertTrue(errors(with: "output: \"{loss} {loss}\"").contains("{loss} stands twice"))
  }

  func testValuesOfParametersAreShownAtTheirPlace() {
    XCTAssertEqual(
      errors(
        """
        objective: {metric: loss, goal: minimize}
        space:
          a: {type: float, low: 5, high: 1}
          b: {type: float, low: 0, high: 1, default: 2}
          c: {type: categorical, choices: [x, null]}
          d: {type: float, low: 0, high: 1, scale: lgo}
          e: {type: float, low: zero, high: [1]}
          f: {type: integer, low: 0, high: 10, step: 3}
          g: 5
          h:
        """),
      """
      study.yaml:3:25: error: 'a': low 5 is above high 1
          a: {type: float, low: 5, high: 1}
                                ^
        swap them
      study.yaml:4:46: error: 'b': 2 is not a possible value
          b: {type: float, low: 0, high: 1, default: 2}
                                                     ^
        the range is 0 … 1
      study.yaml:5:39: error: there is no value here
          c: {type: categorical, choices: [x, null]}
                                              ^~~~
        quote it to mean the text: "null"
      study.yaml:6:44: error: 'lgo' is not a scale
          d: {type: float, low: 0, high: 1, scale: lgo}
                                                   ^~~
        did you mean 'log'?
      study.yaml:7:25: error: 'zero' is not a number
          e: {type: float, low: zero, high: [1]}
                                ^~~~
        write a number such as 0.01 or 1e-2
      study.yaml:7:37: error: a list is not a number
          e: {type: float, low: zero, high: [1]}
                                            ^
        write a number such as 0.01 or 1e-2
      study.yaml:8:46: error: 'f': high 10 is not low plus a whole number of steps of 3
          f: {type: integer, low: 0, high: 10, step: 3}
                                                     ^
        use high: 9 or 12
      study.yaml:9:6: error: 'g' must be a mapping that says its type and range, not a single value
          g: 5
             ^
        for example  g: {type: float, low: 0, high: 1}
      study.yaml:10:5: error: 'h' must be a mapping that says its type and range, not nothing
          h:
            ^
        for example  h: {type: float, low: 0, high: 1}
      """)
  }

  func testSyntaxErrorsAreShownAtTheirPlace() {
    XCTAssertEqual(
      errors("study: x\nspace:\n\ta: {type: boolean}\n"),
      """
      study.yaml:3:1: error: not valid YAML: found character that cannot start any token (while scanning for the next token)
        \ta: {type: boolean}
        ^~
        YAML is indented with spaces, not tabs
      """.replacing("^~", with: "^"))
    XCTAssertEqual(
      errors("objective: {metric: loss, goal: minimize\nspace: {}\n"),
      """
      study.yaml:2:6: error: not valid YAML: did not find expected ',' or '}' (while parsing a flow mapping)
        space: {}
             ^
      """)
    XCTAssertEqual(
      errors("seed: 1\nparallel: 2\nseed: 2\n"),
      """
      study.yaml:1:1: error: a key stands twice in the same mapping: seed
        seed: 1
        ^
      """)
    XCTAssertEqual(
      errors("study: a\u{1}b\n"),
      "study.yaml:1:9: error: not valid YAML: control characters are not allowed\n  study: a\u{1}b\n          ^")
    XCTAssertTrue(errors("a: 1\n---\nb: 2\n").contains("study.yaml:2:1: error: not valid YAML: "))
    XCTAssertTrue(errors(String(repeating: "x", count: 5 << 20)).contains("the file is larger than 4 MiB"))
  }

  func testCaretsStandUnderTheirCharactersWhateverTheirWidth() {
    XCTAssertEqual(
      errors(with: "environment: {GRÖSSE: cafe\u{301}, 👩‍👩‍👧: {a: b}}"),
      """
      study.yaml:1:32: error: the variable '👩‍👩‍👧' must be text, not a mapping
        environment: {GRÖSSE: cafe\u{301}, 👩‍👩‍👧: {a: b}}
                                       ^
      """)
  }

  func testLongLinesAreShownInPart() {
    let names = (0..<100).map { "p\($0): {type: boolean}" }.joined(separator: ", ")
    let text = errors(
      "objective: {metric: loss, goal: minimize}\nspace: {\(names), bad: {type: bool}, \(names.replacing("p0", with: "q").replacing(" p", with: " q"))}\n"
    )
    let lines = text.split(separator: "\n")
    XCTAssertEqual(lines.count, 4)
    XCTAssertLessThan(lines[1].count, 200)
    let caret = lines[2].distance(from: lines[2].startIndex, to: lines[2].firstIndex(of: "^") ?? lines[2].startIndex)
    XCTAssertTrue(lines[1].dropFirst(caret).hasPrefix("bool}"), text)
  }

  func testTheEnvironmentAndLimitsAreChecked() {
    XCTAssertEqual(
      errors(
        with:
          "environment: {TRIMTAB_TRIAL: 1, A: , \"B=C\": 1}\nlimits: {memory: 2 gigs, time: 0, log: -1}\nretries: {backoff: 2d}"
      ),
      """
      study.yaml:1:15: error: variables that begin with TRIMTAB_ are set by Trimtab itself
        environment: {TRIMTAB_TRIAL: 1, A: , "B=C": 1}
                      ^~~~~~~~~~~~~
      study.yaml:1:36: error: the variable 'A' must be text, not nothing
        environment: {TRIMTAB_TRIAL: 1, A: , "B=C": 1}
                                           ^
        write "" for an empty text
      study.yaml:1:38: error: 'B=C' cannot be the name of a variable
        environment: {TRIMTAB_TRIAL: 1, A: , "B=C": 1}
                                             ^~~~~
      study.yaml:2:18: error: memory must be a size, not '2 gigs'
        limits: {memory: 2 gigs, time: 0, log: -1}
                         ^~~~~~
        write bytes, or a size such as 512MiB or 2GB
      study.yaml:2:32: error: time must be above 0
        limits: {memory: 2 gigs, time: 0, log: -1}
                                       ^
        write seconds, or a time such as 90s, 15m, 2h, 1d or 1h30m
      study.yaml:2:40: error: log must be a size, not '-1'
        limits: {memory: 2 gigs, time: 0, log: -1}
                                               ^~
        write bytes, or a size such as 512MiB or 2GB
      study.yaml:3:20: error: backoff must be at most 86400 seconds
        retries: {backoff: 2d}
                           ^~
      """)
  }

  func testErrorsFoundLaterCanBeShownAtTheirPlace() throws {
    let text = """
      objective: {metric: loss, goal: minimize}
      method: {sampler: {name: tpe, gamma: 2}, scheduler: full}
      space: {a: {type: boolean}}
      """
    let file = try StudyFile.parse(text, name: "study.yaml", defaultName: "x")
    XCTAssertEqual(
      file.diagnostics("gamma must be below 1", at: ["method", "sampler", "gamma"]).description,
      """
      study.yaml:2:38: error: gamma must be below 1
        method: {sampler: {name: tpe, gamma: 2}, scheduler: full}
                                             ^
      """)
    XCTAssertEqual(file.position(of: ["method", "scheduler", "name"])?.position, SourcePosition(line: 2, column: 53))
    XCTAssertEqual(file.position(of: ["method", "sampler", "delta"])?.position, SourcePosition(line: 2, column: 19))
    XCTAssertNil(file.position(of: ["budget", "trials"]))
    XCTAssertEqual(file.diagnostics("no", at: ["budget"]).list.map(\.position), [SourcePosition(line: 1, column: 1)])
  }

  func testDamagedFilesGiveErrorsWithinTheFileOrAreRead() throws {
    var parsed = 0
    for seed in 0..<800 as Range<UInt64> {
      var stream = RandomStream(seed: seed, purpose: stableHash("damage"), index: 0)
      let originals = [
        StudyFileTests.digits, StudyFileTests.everything,
        try StudySpec.parse(StudyFileTests.everything, name: "x").json.prettyText,
      ]
      let text = mutated(
        originals[stream.index(below: originals.count)], &stream, edits: seed % 2 == 0 ? 1 : 6)
      do {
        let file = try StudyFile.parse(text, name: "study.yaml", defaultName: "x")
        parsed += 1
        let canonical = file.spec.json.text
        XCTAssertEqual(try StudySpec.parse(canonical, name: "log").json.text, canonical, text)
        _ = try file.spec.space.sample(seed: 1, index: 0)
      } catch let error as Diagnostics {
        XCTAssertFalse(error.isEmpty)
        let source = SourceText(name: "", text: text)
        for diagnostic in error.list {
          let line = diagnostic.position.line
          guard line >= 1, line <= source.lines.count else {
            XCTFail("line \(line) of \(source.lines.count): \(diagnostic.message)\n\(text)")
            continue
          }
          let columns = 1...(source.lines[line - 1].count + 1)
          XCTAssertTrue(columns.contains(diagnostic.position.column), "\(diagnostic) in\n\(text)")
        }
        _ = error.description
      } catch is SpaceError {
        // A constraint that nothing satisfies is only found by drawing.
      }
    }
    XCTAssertGreaterThan(parsed, 100, "most damage is fatal, but not all of it")
  }
}

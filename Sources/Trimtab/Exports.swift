// One import gives a program everything it needs to define and run a study.
@_exported import TrimtabMethods
@_exported import TrimtabNumerics
@_exported import TrimtabRunning
@_exported import TrimtabSearchSpaces
@_exported import TrimtabStores
@_exported import TrimtabStudies

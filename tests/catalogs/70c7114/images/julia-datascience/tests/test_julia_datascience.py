"""The packages do what they are there for. That each of them loads, julia-minimal's tests say."""


def julia(host, code):
    """What a Julia program prints; it must succeed. The program holds no single quote."""
    assert "'" not in code
    return host.check_output(f"julia --startup-file=no -e '{code}'")


def test_tables_are_summarised(host):
    code = """
        using CSV, DataFrames, Statistics
        CSV.write("/tmp/probe.csv", DataFrame(group = ["a", "a", "b"], value = [1, 3, 5]))
        table = combine(groupby(CSV.read("/tmp/probe.csv", DataFrame), :group), :value => mean)
        print(table.value_mean)
    """
    assert julia(host, code) == "[2.0, 5.0]"


def test_models_are_fitted(host):
    code = """
        using DataFrames, GLM
        print(round.(coef(lm(@formula(y ~ x), DataFrame(x = 1:4, y = [3, 5, 7, 9]))), digits = 6))
    """
    assert julia(host, code) == "[1.0, 2.0]"


def test_tables_are_kept_as_arrow(host):
    code = """
        using Arrow, DataFrames
        Arrow.write("/tmp/probe.arrow", DataFrame(x = 0:100))
        print(sum(DataFrame(Arrow.Table("/tmp/probe.arrow")).x))
    """
    assert julia(host, code) == "5050"


def test_plots_are_drawn(host):
    julia(host, 'using CairoMakie; save("/tmp/plot.png", lines(1:10))')
    assert host.file("/tmp/plot.png").size > 1000

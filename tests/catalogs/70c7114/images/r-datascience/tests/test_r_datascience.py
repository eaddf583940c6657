"""The packages do what they are there for. That each of them loads, r-minimal's tests say."""


def r(host, code):
    """What an R program prints; it must succeed. The program holds no single quote."""
    assert "'" not in code
    return host.check_output(f"Rscript -e '{code}' 2>/dev/null")


def test_tables_are_summarised(host):
    code = """
        suppressMessages(library(tidyverse))
        means <- cars |> mutate(fast = speed > 15) |> group_by(fast) |> summarise(m = mean(dist))
        cat(round(means$m, 2))
    """
    assert r(host, code) == "27.5 59.75"
    code = "library(data.table); cat(as.data.table(cars)[speed > 15, sum(dist)])"
    assert r(host, code) == "1434"


def test_files_are_read_and_written(host):
    code = """
        library(readr)
        write_csv(cars, "/tmp/cars.csv")
        openxlsx::write.xlsx(cars, "/tmp/cars.xlsx", overwrite = TRUE)
        cat(sum(read_csv("/tmp/cars.csv", show_col_types = FALSE)$dist),
            sum(readxl::read_excel("/tmp/cars.xlsx")$dist))
    """
    assert r(host, code) == "2149 2149"


def test_databases_are_asked(host):
    code = """
        library(DBI)
        con <- dbConnect(RSQLite::SQLite(), ":memory:")
        dbWriteTable(con, "cars", cars)
        cat(dbGetQuery(con, "SELECT sum(dist) AS d FROM cars")$d,
            dplyr::pull(dplyr::count(dplyr::tbl(con, "cars"))))
    """
    assert r(host, code) == "2149 50"


def test_geometry_and_rasters(host):
    code = """
        suppressMessages({ library(sf); library(terra) })
        points <- st_sfc(st_point(c(2.35, 48.85)), st_point(c(2.35, 49.85)), crs = 4326)
        square <- rast(nrows = 10, ncols = 10, vals = 1:100)
        cat(round(as.numeric(st_distance(points)[1, 2]) / 1000), global(square, "sum")[[1]])
        cat("", st_crs(st_transform(points, 2154))$epsg)
    """
    assert r(host, code) == "111 5050 2154"


def test_models_are_fitted(host):
    code = """
        set.seed(1)
        forest <- ranger::ranger(Species ~ ., iris)
        mixed <- lme4::lmer(Reaction ~ Days + (1 | Subject), lme4::sleepstudy)
        cat(forest$prediction.error < 0.1, round(lme4::fixef(mixed)[["Days"]], 2))
    """
    assert r(host, code) == "TRUE 10.47"


def test_plots_are_drawn(host):
    code = """
        library(ggplot2)
        plot <- ggplot(cars, aes(speed, dist)) + geom_point()
        ggsave("/tmp/plot.png", plot, width = 4, height = 3)
    """
    r(host, code)
    assert host.file("/tmp/plot.png").size > 5000


def test_a_report_is_rendered(host):
    host.check_output("printf '# A\\n\\n```{r}\\nsum(0:100)\\n```\\n' > /tmp/report.Rmd")
    r(host, 'rmarkdown::render("/tmp/report.Rmd", "html_document", quiet = TRUE)')
    assert "5050" in host.file("/tmp/report.html").content_string

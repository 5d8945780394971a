--! title = "Months of a brand far from its yearly average by call center"
--! question = "In which months of a year did a brand's sales in a call center stray more than 10 percent from its monthly average, and what came before and after?"
--! # the default is the qualification value; it isn't drawn, since it needs cc_name in SELECTONE
--! param.ORDERBY.default = "cc_name"
--! param.ORDERBY.sql = ["avg_monthly_sales", "sum_sales", "psum", "nsum"]
--! param.SELECTONE.default = "v1.i_category, v1.i_brand, v1.cc_name"
--! param.SELECTONE.sql = [
--!     "v1.i_category", "v1.i_brand", "v1.i_category, v1.i_brand", "v1.cc_name",
--!     "v1.i_category, v1.i_brand, v1.cc_name",
--! ]
--! param.SELECTTWO.default = "v1.d_year, v1.d_moy"
--! param.SELECTTWO.sql = ["v1.d_year", "v1.d_year, v1.d_moy"]
--! param.YEAR = { default = 1999, int = [1999, 2001] }
--! deviations = ["the comma before the columns of SELECTTWO stands in the text, not in the parameter"]

with v1 as (
    select
        i_category,
        i_brand,
        cc_name,
        d_year,
        d_moy,
        sum(cs_sales_price) as sum_sales,
        avg(sum(cs_sales_price)) over (
            partition by i_category, i_brand, cc_name, d_year
        ) as avg_monthly_sales,
        rank() over (
            partition by i_category, i_brand, cc_name
            order by d_year, d_moy nulls first
        ) as rn
    from item
    join catalog_sales on i_item_sk = cs_item_sk
    join date_dim on cs_sold_date_sk = d_date_sk
    join call_center on cs_call_center_sk = cc_call_center_sk
    where d_year = {YEAR}
        or (d_year = {YEAR} - 1 and d_moy = 12)
        or (d_year = {YEAR} + 1 and d_moy = 1)
    group by i_category, i_brand, cc_name, d_year, d_moy
),
months_in_context as (
    select
        {SELECTONE},
        {SELECTTWO},
        v1.avg_monthly_sales,
        v1.sum_sales,
        v1_lag.sum_sales as psum,
        v1_lead.sum_sales as nsum
    from v1
    join v1 as v1_lag
        on v1.i_category = v1_lag.i_category
        and v1.i_brand = v1_lag.i_brand
        and v1.cc_name = v1_lag.cc_name
        and v1.rn = v1_lag.rn + 1
    join v1 as v1_lead
        on v1.i_category = v1_lead.i_category
        and v1.i_brand = v1_lead.i_brand
        and v1.cc_name = v1_lead.cc_name
        and v1.rn = v1_lead.rn - 1
)
select *
from months_in_context
where d_year = {YEAR}
    and avg_monthly_sales > 0
    and case
        when avg_monthly_sales > 0 then abs(sum_sales - avg_monthly_sales) / avg_monthly_sales
    end > 0.1
order by sum_sales - avg_monthly_sales, {ORDERBY} nulls first
limit 100

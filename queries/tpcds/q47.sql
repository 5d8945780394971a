--! title = "Months of a brand far from its yearly average by store"
--! question = "In which months of a year did a brand's sales in a store stray more than 10 percent from its monthly average, and what came before and after?"
--! # the default is the qualification value; it isn't drawn, since it needs s_store_name in SELECTONE
--! param.ORDERBY.default = "s_store_name"
--! param.ORDERBY.sql = ["avg_monthly_sales", "sum_sales", "psum", "nsum"]
--! param.SELECTONE.default = "v1.i_category, v1.i_brand, v1.s_store_name, v1.s_company_name"
--! param.SELECTONE.sql = [
--!     "v1.i_category", "v1.i_brand", "v1.i_category, v1.i_brand", "v1.s_store_name",
--!     "v1.s_company_name", "v1.s_store_name, v1.s_company_name",
--!     "v1.i_category, v1.i_brand, v1.s_store_name, v1.s_company_name",
--! ]
--! param.SELECTTWO.default = "v1.d_year, v1.d_moy"
--! param.SELECTTWO.sql = ["v1.d_year", "v1.d_year, v1.d_moy"]
--! param.YEAR = { default = 1999, int = [1999, 2001] }
--! deviations = ["the comma before the columns of SELECTTWO stands in the text, not in the parameter"]

with v1 as (
    select
        i_category,
        i_brand,
        s_store_name,
        s_company_name,
        d_year,
        d_moy,
        sum(ss_sales_price) as sum_sales,
        avg(sum(ss_sales_price)) over (
            partition by i_category, i_brand, s_store_name, s_company_name, d_year
        ) as avg_monthly_sales,
        rank() over (
            partition by i_category, i_brand, s_store_name, s_company_name
            order by d_year, d_moy nulls first
        ) as rn
    from item
    join store_sales on i_item_sk = ss_item_sk
    join date_dim on ss_sold_date_sk = d_date_sk
    join store on ss_store_sk = s_store_sk
    where d_year = {YEAR}
        or (d_year = {YEAR} - 1 and d_moy = 12)
        or (d_year = {YEAR} + 1 and d_moy = 1)
    group by i_category, i_brand, s_store_name, s_company_name, d_year, d_moy
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
        and v1.s_store_name = v1_lag.s_store_name
        and v1.s_company_name = v1_lag.s_company_name
        and v1.rn = v1_lag.rn + 1
    join v1 as v1_lead
        on v1.i_category = v1_lead.i_category
        and v1.i_brand = v1_lead.i_brand
        and v1.s_store_name = v1_lead.s_store_name
        and v1.s_company_name = v1_lead.s_company_name
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

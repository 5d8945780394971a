--! title = "Months in which a brand sold unusually in a store"
--! question = "In which months did a brand's sales in a store differ by more than 10 percent from its monthly average of the year, for chosen categories and classes?"
--! param.CAT.default = ["Books", "Electronics", "Sports", "Men", "Jewelry", "Women"]
--! param.CAT.count = 6
--! param.CAT.text = "categories"
--! param.CLASS_A = { default = "computers", text = "classes/{CAT.1}" }
--! param.CLASS_B = { default = "stereo", text = "classes/{CAT.2}" }
--! param.CLASS_C = { default = "football", text = "classes/{CAT.3}" }
--! param.CLASS_D = { default = "shirts", text = "classes/{CAT.4}" }
--! param.CLASS_E = { default = "birdal", text = "classes/{CAT.5}" }
--! param.CLASS_F = { default = "dresses", text = "classes/{CAT.6}" }
--! param.YEAR = { default = 1999, int = [1998, 2002] }

select *
from (
    select
        i_category,
        i_class,
        i_brand,
        s_store_name,
        s_company_name,
        d_moy,
        sum(ss_sales_price) as sum_sales,
        -- the class is not part of the partition: the average spans a brand's classes
        avg(sum(ss_sales_price)) over (
            partition by i_category, i_brand, s_store_name, s_company_name
        ) as avg_monthly_sales
    from item
    join store_sales on i_item_sk = ss_item_sk
    join date_dim on ss_sold_date_sk = d_date_sk
    join store on ss_store_sk = s_store_sk
    where d_year in ({YEAR})
        and (
            (
                i_category in ({CAT.1}, {CAT.2}, {CAT.3})
                and i_class in ({CLASS_A}, {CLASS_B}, {CLASS_C})
            )
            or (
                i_category in ({CAT.4}, {CAT.5}, {CAT.6})
                and i_class in ({CLASS_D}, {CLASS_E}, {CLASS_F})
            )
        )
    group by i_category, i_class, i_brand, s_store_name, s_company_name, d_moy
) as monthly_sales
where case
        when avg_monthly_sales <> 0 then abs(sum_sales - avg_monthly_sales) / avg_monthly_sales
    end > 0.1
order by sum_sales - avg_monthly_sales, s_store_name nulls first
limit 100
